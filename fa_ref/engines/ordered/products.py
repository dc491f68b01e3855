"""The inner loops of the ordered engine, with their sums held in registers, for a block of UNITS hidden units.

`add_product`, `weigh` and `squares` say what is computed, and are what runs interpreted. Compiled, code written in
vectors takes their place. That of `add_product`, where the time goes, makes a few rows of the result at once: for
each term one row of B and a number a row of A are read, and the sums stay in registers. Each sum takes its terms
one after another in their order, and products and additions round separately, so the bits are those of plain loops.
"""

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from fa_ref._support.vectors import AVX512, Vector, Vectors

__all__ = ["UNITS", "add_product", "squares", "weigh"]

UNITS = 32  # hidden units in a block
TILE = 5 if AVX512 else 2  # rows at once
VECTORS = 4  # at once: of 32 registers 20 sums, 4 of B, one of A; of 16, 8 sums, 4 of B, one of A


def add_product(A, B, C, block):
    """Add to C[block, i, r] the terms A[i, k] B[block, k, r], for k = 0, 1, 2, … in turn, for the units r of it."""
    for i in range(C.shape[1]):
        for k in range(B.shape[1]):
            for r in range(UNITS):
                C[block, i, r] += A[i, k] * B[block, k, r]


def weigh(Psi, slopes, e, feedback, rate, s, block):
    """Write Σᵢ eᵢ Ψᵢᵣ to s[block, r], and multiply ψ′(zᵢᵣ) by −rate·feedbackᵣ·eᵢ."""
    for r in range(UNITS):
        s[block, r] = 0.0
        for i in range(e.size):
            s[block, r] += e[i] * Psi[block, i, r]
            slopes[block, i, r] *= -rate * feedback[block, r] * e[i]


def squares(W, W_0, moved, size, block):
    """Write ‖wᵣ − wᵣ(0)‖² to moved[block, r] and ‖wᵣ‖² to size[block, r]."""
    for r in range(UNITS):
        moved[block, r] = size[block, r] = 0.0
        for k in range(W.shape[1]):
            moved[block, r] += (W[block, k, r] - W_0[block, k, r]) ** 2
            size[block, r] += W[block, k, r] ** 2


@overload(add_product)
def _compiled(A, B, C, block):  # noqa: ARG001
    def add(A, B, C, block):
        rows = C.shape[1]
        tiled = rows - rows % TILE
        for i in range(0, tiled, TILE):
            _tile(A, B, C, block, i)
        for i in range(tiled, rows):
            _row(A, B, C, block, i)

    return add


@overload(weigh)
def _weigh_compiled(Psi, slopes, e, feedback, rate, s, block):  # noqa: ARG001
    return lambda Psi, slopes, e, feedback, rate, s, block: _weigh(Psi, slopes, e, feedback, rate, s, block)


@overload(squares)
def _squares_compiled(W, W_0, moved, size, block):  # noqa: ARG001
    return lambda W, W_0, moved, size, block: _squares(W, W_0, moved, size, block)


class _Writer:
    """Writes vector code over arrays, of which ``block`` is one block."""

    def __init__(self, context: Any, builder: Any, block: Any) -> None:
        self.context, self.builder, self.block = context, builder, block
        self.vectors = Vectors(builder, context, types.float64, fused=False)
        self.integer = context.get_value_type(types.intp)
        self.first_units = range(0, UNITS, VECTORS * self.vectors.width)

    def arrays(self, kinds: Any, values: Any) -> list[Any]:
        pairs = zip(kinds, values, strict=True)
        return [self.context.make_array(kind)(self.context, self.builder, value) for kind, value in pairs]

    def length(self, array: Any, axis: int) -> Any:
        return cgutils.unpack_tuple(self.builder, array.shape)[axis]

    def places(self, array: Any, unit: int, row: Any = None) -> list[Any]:
        """Where VECTORS vectors of the block, or of a row of it, begin in memory, from this unit on."""
        builder, width, start = self.builder, self.vectors.width, self.block
        if row is not None:
            start = builder.add(builder.mul(start, self.length(array, 1)), row)
        start = builder.mul(start, self.integer(UNITS))
        units = range(unit, unit + VECTORS * width, width)
        return [builder.gep(array.data, [builder.add(start, self.integer(k))]) for k in units]

    def load(self, places: list[Any]) -> list[Vector]:
        return [self.vectors.load(place) for place in places]

    def number(self, array: Any, index: Any) -> Vector:
        """An entry of an array, in every place of a vector."""
        return self.vectors.everywhere(self.builder.load(self.builder.gep(array.data, [index])))

    def slots(self, values: list[Vector]) -> list[Any]:
        """Places on the stack, which become registers, with these values."""
        slots = [cgutils.alloca_once(self.builder, self.vectors.type) for _ in values]
        for slot, value in zip(slots, values, strict=True):
            self.builder.store(value.value, slot)
        return slots

    def add(self, terms: list[Vector], slots: list[Any]) -> None:
        for term, slot in zip(terms, slots, strict=True):
            self.builder.store((Vector(self.vectors, self.builder.load(slot)) + term).value, slot)

    def store(self, slots: list[Any], places: list[Any]) -> None:
        for slot, place in zip(slots, places, strict=True):
            Vector(self.vectors, self.builder.load(slot)).store(place)


def _rows(count: int) -> Any:
    """The compiled code of `add_product` for ``count`` rows of C."""

    def rows(_context, A, B, C, _block, _first):
        def codegen(context, builder, signature, args):
            write = _Writer(context, builder, args[3])
            A_, B_, C_ = write.arrays(signature.args[:3], args[:3])
            terms = write.length(B_, 1)
            rows = [builder.add(args[4], write.integer(i)) for i in range(count)]
            starts = [builder.mul(row, terms) for row in rows]
            for unit in write.first_units:
                ends = [write.places(C_, unit, row) for row in rows]
                slots = [write.slots(write.load(end)) for end in ends]
                with cgutils.for_range(builder, terms) as loop:
                    b = write.load(write.places(B_, unit, loop.index))
                    for start, sums in zip(starts, slots, strict=True):
                        a = write.number(A_, builder.add(start, loop.index))
                        write.add([a * x for x in b], sums)
                for end, sums in zip(ends, slots, strict=True):
                    write.store(sums, end)
            return context.get_dummy_value()

        return types.none(A, B, C, types.intp, types.intp), codegen

    return intrinsic(rows)


def _weigh_block(_context, Psi, slopes, e, feedback, rate, s, _block):
    def codegen(context, builder, signature, args):
        write = _Writer(context, builder, args[6])
        Psi_, slopes_, e_, feedback_ = write.arrays(signature.args[:4], args[:4])
        (s_,) = write.arrays(signature.args[5:6], args[5:6])
        rate_ = write.vectors.everywhere(args[4])
        for unit in write.first_units:
            gains = [-rate_ * x for x in write.load(write.places(feedback_, unit))]
            sums = write.slots([write.vectors.number(0.0)] * VECTORS)
            with cgutils.for_range(builder, write.length(e_, 0)) as loop:
                error = write.number(e_, loop.index)
                write.add([error * psi for psi in write.load(write.places(Psi_, unit, loop.index))], sums)
                places = write.places(slopes_, unit, loop.index)
                for place, slope, gain in zip(places, write.load(places), gains, strict=True):
                    (slope * (gain * error)).store(place)
            write.store(sums, write.places(s_, unit))
        return context.get_dummy_value()

    return types.none(Psi, slopes, e, feedback, rate, s, types.intp), codegen


def _squares_block(_context, W, W_0, moved, size, _block):
    def codegen(context, builder, signature, args):
        write = _Writer(context, builder, args[4])
        W_, W_0_, moved_, size_ = write.arrays(signature.args[:4], args[:4])
        for unit in write.first_units:
            totals = [write.slots([write.vectors.number(0.0)] * VECTORS) for _ in range(2)]
            with cgutils.for_range(builder, write.length(W_, 1)) as loop:
                now, start = (write.load(write.places(array, unit, loop.index)) for array in (W_, W_0_))
                changes = [x - x_0 for x, x_0 in zip(now, start, strict=True)]
                write.add([x * x for x in changes], totals[0])
                write.add([x * x for x in now], totals[1])
            write.store(totals[0], write.places(moved_, unit))
            write.store(totals[1], write.places(size_, unit))
        return context.get_dummy_value()

    return types.none(W, W_0, moved, size, types.intp), codegen


_tile, _row = _rows(TILE), _rows(1)
_weigh: Any = intrinsic(_weigh_block)
_squares: Any = intrinsic(_squares_block)
