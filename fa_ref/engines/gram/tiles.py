"""The inner loops of the Gram-space engine, with their sums held in registers, for a block of hidden units.

A block is VECTORS vectors of units. `tile` makes TILE rows of K a: its TILE × VECTORS sums stay in registers
while j runs over the samples; each j costs VECTORS loads of a, TILE of K, and TILE × VECTORS multiplications and
additions: arithmetic, not memory, sets the time. `answer` goes on with these rows while they are at hand, to
ψ(zᵣ(0) + K aᵣ) and the share of f. `learn` reads ψ once, for the error that reaches β and for the one that
reaches a. K is `in_tiles`: the TILE numbers that meet at a sample lie side by side.

A compiler makes vectors of innermost loops only, and here that is the loop over samples: so they are spelled out.
A sum over samples runs in their order, the one over the units of a block in halves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from fa_ref._support.vectors import AVX512, FUSED, VECTOR_BYTES, Vector, Vectors, where
from fa_ref.engines.gram.vector_math import sigmoid, tanh

__all__ = ["BLOCK_BYTES", "TILE", "answer", "in_tiles", "learn", "tile"]

TILE = 5  # samples are padded with zeros to a multiple
VECTORS = 4 if AVX512 else 2  # of 32 registers 20 sums, 4 of a, 5 of K; of 16, 10 sums, 2 of a, one of K
BLOCK_BYTES = VECTOR_BYTES * VECTORS  # a row of a block, one number a unit


@dataclass(frozen=True)
class _Named:
    """ψ(z), and g ψ′ from g and ψ."""

    psi: Callable[[Vector], Vector]
    through: Callable[[Vector, Vector], Vector]


def _nothing(like: Vector) -> Vector:
    return like.kind.number(0.0)


_NAMED = {
    "identity": _Named(lambda z: z, lambda g, _psi: g),
    "relu": _Named(lambda z: where(z <= 0.0, _nothing(z), z), lambda g, psi: where(psi > 0.0, g, _nothing(g))),
    "tanh": _Named(tanh, lambda g, psi: g * (1.0 - psi * psi)),
    "sigmoid": _Named(sigmoid, lambda g, psi: g * (psi - psi * psi)),
}


class _Block:
    """The operands of a kernel: arrays of a row of units a sample, or of one row."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any, arrays: int) -> None:
        self.builder, self.vectors = builder, Vectors(builder, context, signature.args[0].dtype)
        self.arrays = [
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[:arrays], args[:arrays], strict=True)
        ]
        self.numbers, self.integer = args[arrays:], context.get_value_type(types.intp)
        self.lanes = self.integer(BLOCK_BYTES // self.vectors.itemsize)

    def place(self, array: Any, row: Any, vector: Any) -> Any:
        """Where this vector of this row begins in memory."""
        units = self.builder.mul(vector, self.integer(self.vectors.width))
        return self.builder.gep(array.data, [self.builder.add(self.builder.mul(row, self.lanes), units)])

    def places(self, array: Any, row: Any) -> list[Any]:
        return [self.place(array, row, self.integer(v)) for v in range(VECTORS)]

    def load(self, array: Any, row: Any) -> list[Vector]:
        return [self.vectors.load(place) for place in self.places(array, row)]

    def slot(self) -> Any:
        """A vector's place on the stack, which becomes a register, with zeros in it."""
        nothing = self.vectors.number(0.0).value
        place = cgutils.alloca_once_value(self.builder, nothing)
        self.builder.store(nothing, place)  # the slots are the caller's: each call begins anew
        return place

    def add(self, term: Vector, slot: Any) -> None:
        self.builder.store((Vector(self.vectors, self.builder.load(slot)) + term).value, slot)

    def rows(self, row: Any) -> list[Any]:
        return [self.builder.add(row, self.integer(i)) for i in range(TILE)]

    def sums(self, K: Any, a: Any, row: Any) -> list[list[Vector]]:
        """TILE rows of K a, from ``row`` on."""
        builder, samples = self.builder, cgutils.unpack_tuple(self.builder, K.shape)[0]
        slots = [[self.slot() for _ in range(VECTORS)] for _ in range(TILE)]
        with cgutils.for_range(builder, samples) as loop:
            units = self.load(a, loop.index)
            first = builder.add(builder.mul(row, samples), builder.mul(loop.index, self.integer(TILE)))
            for i, totals in enumerate(slots):
                entry = builder.gep(K.data, [builder.add(first, self.integer(i))])
                k = self.vectors.everywhere(builder.load(entry))
                for total, x in zip(totals, units, strict=True):
                    self.add(k * x, total)
        return [[Vector(self.vectors, builder.load(total)) for total in totals] for totals in slots]


def _tile(_context, K, a, Ka, _row):
    """Write TILE rows of K a from ``row`` on to Ka."""

    def codegen(context, builder, signature, args):
        block = _Block(context, builder, signature, args, 3)
        K_, a_, Ka_ = block.arrays
        (row,) = block.numbers
        for i, totals in zip(block.rows(row), block.sums(K_, a_, row), strict=True):
            for total, place in zip(totals, block.places(Ka_, i), strict=True):
                total.store(place)
        return context.get_dummy_value()

    return types.none(K, a, Ka, types.intp), codegen


def _answer(named: _Named) -> Any:
    def answer(_context, K, a, z_0, Psi, beta, f, _row):
        """Write ψ(zᵣ(0) + K aᵣ) to Psi and add βᵣψ to f, for TILE samples from ``row`` on."""

        def codegen(context, builder, signature, args):
            block = _Block(context, builder, signature, args, 6)
            K_, a_, z_0_, Psi_, beta_, f_ = block.arrays
            (row,) = block.numbers
            weights, rows = block.load(beta_, block.integer(0)), block.rows(row)
            for place in chain(*(block.places(z_0_, i) for i in rows)):
                block.vectors.fetch(place)
            for i, totals in zip(rows, block.sums(K_, a_, row), strict=True):
                share = block.vectors.number(0.0)
                starts, places = block.load(z_0_, i), block.places(Psi_, i)
                for total, start, weight, place in zip(totals, starts, weights, places, strict=True):
                    z = start + total
                    psi = named.psi(z + (z - z))  # NaN where z is infinite: of −∞ + ∞ only one may have been seen
                    psi.store(place)
                    share = share + weight * psi
                place = builder.gep(f_.data, [i])
                builder.store(builder.fadd(builder.load(place), share.sum(), flags=FUSED), place)
            return context.get_dummy_value()

        return types.none(K, a, z_0, Psi, beta, f, types.intp), codegen

    return intrinsic(answer)


def _learn(named: _Named) -> Any:
    def learn(_context, Psi, a, e, gain, s):
        """Write ψ(zᵣ)·e to s[r] and add gain[r] Dᵣ e to aᵣ."""

        def codegen(context, builder, signature, args):
            block = _Block(context, builder, signature, args, 5)
            Psi_, a_, e_, gain_, s_ = block.arrays
            first = block.integer(0)
            gains, totals = block.load(gain_, first), [block.slot() for _ in range(VECTORS)]
            with cgutils.for_range(builder, cgutils.unpack_tuple(builder, e_.shape)[0]) as loop:
                x = block.vectors.everywhere(builder.load(builder.gep(e_.data, [loop.index])))
                values, places = block.load(Psi_, loop.index), block.places(a_, loop.index)
                for psi, place, gain, total in zip(values, places, gains, totals, strict=True):
                    block.add(x * psi, total)
                    (block.vectors.load(place) + named.through(gain * x, psi)).store(place)
            for total, place in zip(totals, block.places(s_, first), strict=True):
                Vector(block.vectors, builder.load(total)).store(place)
            return context.get_dummy_value()

        return types.none(Psi, a, e, gain, s), codegen

    return intrinsic(learn)


def in_tiles(K: NDArray[Any]) -> NDArray[Any]:
    """K in the order in which tiles read it: for TILE rows at once, column after column. Of the same shape."""
    m = len(K)
    return np.ascontiguousarray(K.reshape(m // TILE, TILE, m).transpose(0, 2, 1)).reshape(m, m)


tile: Any = intrinsic(_tile)
answer: dict[str, Any] = {name: _answer(named) for name, named in _NAMED.items()}
learn: dict[str, Any] = {name: _learn(named) for name, named in _NAMED.items()}
