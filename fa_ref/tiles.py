"""The inner loops of the Gram-space engine, with their sums held in registers, for a strip of vectors of units.

`tile` makes TILE rows of K a: its TILE × VECTORS sums stay in registers while j runs over the samples; each j costs
VECTORS loads of a, TILE of K, and TILE × VECTORS multiplications and additions: arithmetic, not memory, sets the
time. `answer` goes on with these rows while they are at hand, to ψ(zᵣ(0) + K aᵣ) and the share of f; `learn` reads
ψ once, for the error that reaches β and for the one that reaches a. A compiler makes vectors of innermost loops
only, and here that is the loop over samples: so they are spelled out. Each sum runs in one order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fa_ref.vector_math import sigmoid, tanh
from fa_ref.vectors import AVX512, VECTOR_BYTES, Vector, Vectors, where

__all__ = ["STRIP_BYTES", "TILE", "answer", "learn", "tile"]

TILE = 5  # samples are padded with zeros to a multiple
VECTORS = 4 if AVX512 else 2  # of 32 registers 20 sums, 4 of a, 5 of K; of 16, 10 sums, 2 of a, one of K
STRIP_BYTES = VECTOR_BYTES * VECTORS


@dataclass(frozen=True)
class _Named:
    """ψ, and g ψ′ of g and ψ."""

    psi: Callable[[Vector], Vector]
    through: Callable[[Vector, Vector], Vector]


def _nothing(like: Vector) -> Vector:
    return like.kind.number(0.0)


_NAMED = {
    "identity": _Named(lambda z: z, lambda g, _psi: g),
    "relu": _Named(lambda z: where(z > 0.0, z, _nothing(z)), lambda g, psi: where(psi > 0.0, g, _nothing(g))),
    "tanh": _Named(tanh, lambda g, psi: g * (1.0 - psi * psi)),
    "sigmoid": _Named(sigmoid, lambda g, psi: g * (psi - psi * psi)),
}


class _Strip:
    """The operands of a kernel, and the places in them that belong to a strip of units."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any, arrays: int) -> None:
        self.builder, self.vectors = builder, Vectors(builder, context, signature.args[0].dtype)
        self.arrays = [
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[:arrays], args[:arrays], strict=True)
        ]
        self.numbers = args[arrays:]
        self.integer = self.numbers[0].type

    def places(self, array: Any, start: Any) -> Iterator[Any]:
        """Where the strip's vectors begin, in an array of a row of units a sample, or of one row."""
        for v in range(VECTORS):
            yield self.builder.gep(array.data, [self.builder.add(start, self.integer(v * self.vectors.width))])

    def row(self, sample: Any, unit: Any, lanes: Any) -> Any:
        return self.builder.add(self.builder.mul(sample, lanes), unit)

    def load(self, array: Any, start: Any) -> list[Vector]:
        return [self.vectors.load(place) for place in self.places(array, start)]

    def slot(self) -> Any:
        """A vector's place on the stack, which becomes a register, with zeros in it."""
        nothing = self.vectors.number(0.0).value
        place = cgutils.alloca_once_value(self.builder, nothing)
        self.builder.store(nothing, place)  # the slots are the caller's: each call begins anew
        return place

    def add(self, term: Vector, slot: Any) -> None:
        self.builder.store((Vector(self.vectors, self.builder.load(slot)) + term).value, slot)

    def sums(self, K: Any, a: Any, row: Any, unit: Any, lanes: Any) -> list[list[Vector]]:
        """TILE rows of K a, from ``row`` on."""
        builder, samples = self.builder, cgutils.unpack_tuple(self.builder, K.shape)[0]
        rows = [builder.add(row, self.integer(i)) for i in range(TILE)]
        slots = [[self.slot() for _ in range(VECTORS)] for _ in rows]
        with cgutils.for_range(builder, samples) as loop:
            units = self.load(a, self.row(loop.index, unit, lanes))
            for i, totals in zip(rows, slots, strict=True):
                entry = builder.gep(K.data, [builder.add(builder.mul(i, samples), loop.index)])
                k = self.vectors.everywhere(builder.load(entry))
                for total, x in zip(totals, units, strict=True):
                    self.add(k * x, total)
        return [[Vector(self.vectors, builder.load(total)) for total in totals] for totals in slots]


def _tile(_context, K, a, Ka, _row, _unit, _lanes):
    """Write TILE rows of K a from ``row`` on to Ka, for a strip from ``unit`` on; rows of a are ``lanes`` long."""

    def codegen(context, builder, signature, args):
        strip = _Strip(context, builder, signature, args, 3)
        K_, a_, Ka_ = strip.arrays
        row, unit, lanes = strip.numbers
        for i, totals in enumerate(strip.sums(K_, a_, row, unit, lanes)):
            start = strip.row(builder.add(row, strip.integer(i)), unit, lanes)
            for total, place in zip(totals, strip.places(Ka_, start), strict=True):
                total.store(place)
        return context.get_dummy_value()

    return types.none(K, a, Ka, types.int64, types.int64, types.int64), codegen


def _answer(named: _Named) -> Any:
    def answer(_context, K, a, z_0, Psi, beta, f, _row, _unit, _lanes):
        """Write ψ(zᵣ(0) + K aᵣ) to Psi and add βᵣψ to f, for TILE samples and a strip of units."""

        def codegen(context, builder, signature, args):
            strip = _Strip(context, builder, signature, args, 6)
            K_, a_, z_0_, Psi_, beta_, f_ = strip.arrays
            row, unit, lanes = strip.numbers
            weights = strip.load(beta_, unit)
            for i in range(TILE):
                start = strip.row(builder.add(row, strip.integer(i)), unit, lanes)
                for place in [*strip.places(z_0_, start)] + ([*strip.places(Psi_, start)] if False else []):
                    strip.vectors.fetch(place)
            for i, totals in enumerate(strip.sums(K_, a_, row, unit, lanes)):
                sample = builder.add(row, strip.integer(i))
                start = strip.row(sample, unit, lanes)
                share = strip.vectors.number(0.0)
                for total, z, weight, place in zip(
                    totals, strip.load(z_0_, start), weights, strip.places(Psi_, start), strict=True
                ):
                    psi = named.psi(z + total)
                    psi.store(place)
                    share = share + weight * psi
                place = builder.gep(f_.data, [sample])
                builder.store(builder.fadd(builder.load(place), share.sum()), place)
            return context.get_dummy_value()

        return types.none(K, a, z_0, Psi, beta, f, types.int64, types.int64, types.int64), codegen

    return intrinsic(answer)


def _learn(named: _Named) -> Any:
    def learn(_context, Psi, a, e, gain, s, _unit, _lanes):
        """Write ψ(zᵣ)·e to s[r] and add gain[r] Dᵣ e to aᵣ, for a strip of units."""

        def codegen(context, builder, signature, args):
            strip = _Strip(context, builder, signature, args, 5)
            Psi_, a_, e_, gain_, s_ = strip.arrays
            unit, lanes = strip.numbers
            gains, totals = strip.load(gain_, unit), [strip.slot() for _ in range(VECTORS)]
            with cgutils.for_range(builder, cgutils.unpack_tuple(builder, e_.shape)[0]) as loop:
                x = strip.vectors.everywhere(builder.load(builder.gep(e_.data, [loop.index])))
                start = strip.row(loop.index, unit, lanes)
                places = strip.places(a_, start)
                for psi, g, total, place in zip(strip.load(Psi_, start), gains, totals, places, strict=True):
                    strip.add(x * psi, total)
                    (strip.vectors.load(place) + named.through(g * x, psi)).store(place)
            for total, place in zip(totals, strip.places(s_, unit), strict=True):
                Vector(strip.vectors, builder.load(total)).store(place)
            return context.get_dummy_value()

        return types.none(Psi, a, e, gain, s, types.int64, types.int64), codegen

    return intrinsic(learn)


tile: Any = intrinsic(_tile)
answer: dict[str, Any] = {name: _answer(named) for name, named in _NAMED.items()}
learn: dict[str, Any] = {name: _learn(named) for name, named in _NAMED.items()}
