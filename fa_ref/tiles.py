"""A tile of K a with its sums held in registers: what makes `fa_ref.blocks.product` as fast as a matrix product.

A tile is TILE rows of K a by a strip of VECTORS vectors of units. Its TILE × VECTORS sums stay in registers while
j runs over the samples; each j costs VECTORS loads of a, TILE of K, and TILE × VECTORS multiplications and
additions: arithmetic, not memory, sets the time. A compiler makes vectors of innermost loops only, and here that
is the loop over j: so they are spelled out. Each sum runs over j in order, on every machine.
"""

from itertools import chain
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["STRIP_BYTES", "TILE", "tile"]

TILE = 5  # samples are padded with zeros to a multiple
# AVX-512 has 32 vectors of 64 bytes: 20 sums, 4 of a, 5 of K. Elsewhere 16 of 32 bytes: 10 sums, 2 of a, one of K.
VECTOR_BYTES, VECTORS = (64, 4) if llvm.get_host_cpu_features().get("avx512f") else (32, 2)
STRIP_BYTES = VECTOR_BYTES * VECTORS

_FUSED = ["contract"]


def _tile(_context, K, a, Ka, _row, _unit, _lanes):
    """Write TILE rows of K a from ``row`` on to Ka, for a strip from ``unit`` on; rows of a are ``lanes`` long."""
    size = K.dtype.bitwidth // 8

    def codegen(context, builder, signature, args):
        width = VECTOR_BYTES // size
        vector = ir.VectorType(context.get_value_type(K.dtype), width)
        K_, a_, Ka_ = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[:3], args[:3], strict=True)
        )
        row, unit, lanes = args[3:]
        samples, integer = cgutils.unpack_tuple(builder, K_.shape)[0], row.type

        def vectors_at(array, sample):
            start = builder.add(builder.mul(sample, lanes), unit)
            for v in range(VECTORS):
                place = builder.gep(array.data, [builder.add(start, integer(v * width))])
                yield builder.bitcast(place, vector.as_pointer())

        def everywhere(number):
            none, first = ir.Constant(vector, ir.Undefined), ir.IntType(32)(0)
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
            return builder.shuffle_vector(builder.insert_element(none, number, first), none, zeros)

        nothing = ir.Constant(vector, [0.0] * width)
        rows = [builder.add(row, integer(i)) for i in range(TILE)]
        sums = [[cgutils.alloca_once_value(builder, nothing) for _ in range(VECTORS)] for _ in rows]
        for total in chain(*sums):  # the slots are the caller's: each tile begins anew
            builder.store(nothing, total)
        with cgutils.for_range(builder, samples) as loop:
            units = [builder.load(place, align=size) for place in vectors_at(a_, loop.index)]
            for i, totals in zip(rows, sums, strict=True):
                entry = builder.gep(K_.data, [builder.add(builder.mul(i, samples), loop.index)])
                k = everywhere(builder.load(entry))
                for total, x in zip(totals, units, strict=True):
                    term = builder.fmul(k, x, flags=_FUSED)
                    builder.store(builder.fadd(builder.load(total), term, flags=_FUSED), total)
        for i, totals in zip(rows, sums, strict=True):
            for total, place in zip(totals, vectors_at(Ka_, i), strict=True):
                builder.store(builder.load(total), place, align=size)
        return context.get_dummy_value()

    return types.none(K, a, Ka, types.int64, types.int64, types.int64), codegen


tile: Any = intrinsic(_tile)
