"""Vectors of numbers in compiled code, spelled out where a compiler would not find them by itself.

A function of Numba is made of vectors by LLVM, if it sees that it may and thinks that it pays. Where that fails, a
kernel is written in LLVM's own terms: a `Vector` stands for as many numbers as the machine takes at once, and
arithmetic on it, in Python, writes the instructions. Products and sums are fused where the machine can (all with
AVX2, all 64-bit ARM), unless the `Vectors` are told not to; nothing else is rearranged, whatever the options of the
function that they are written into.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic
from numpy.typing import NDArray

__all__ = ["AVX512", "FUSED", "VECTOR_BYTES", "Vector", "Vectors", "aligned_zeros", "where", "widest_vectors"]

#: Whether Numba compiles for AVX-512: 32 vectors of 64 bytes, and tables read for all numbers at once.
AVX512 = "+avx512f" in cpu_target.target_context.codegen().magic_tuple()[2]
VECTOR_BYTES = 64 if AVX512 else 32

PAGE = 4096  # bytes

FUSED = ["contract"]  # an instruction with a flag of its own is not given those of the function
_INT = {32: ir.IntType(32), 64: ir.IntType(64)}


class Vectors:
    """The vectors of one type of number, written by one builder."""

    def __init__(self, builder: Any, context: Any, real: types.Float, *, fused: bool = True) -> None:
        self.builder, self.itemsize, self.flags = builder, real.bitwidth // 8, FUSED if fused else []
        self.width = VECTOR_BYTES // self.itemsize
        self.type = ir.VectorType(context.get_value_type(real), self.width)
        self.integers = ir.VectorType(_INT[real.bitwidth], self.width)

    def number(self, x: float) -> Vector:
        """Broadcast a constant."""
        return Vector(self, ir.Constant(self.type, [float(x)] * self.width))

    def integer(self, k: int) -> Any:
        """Broadcast an integer constant."""
        return ir.Constant(self.integers, [k] * self.width)

    def everywhere(self, number: Any) -> Vector:
        """Broadcast a computed number."""
        none, first = ir.Constant(self.type, ir.Undefined), _INT[32](0)
        zeros = ir.Constant(ir.VectorType(_INT[32], self.width), [0] * self.width)
        return Vector(
            self, self.builder.shuffle_vector(self.builder.insert_element(none, number, first), none, zeros)
        )

    def load(self, place: Any) -> Vector:
        """The vector that begins there in memory."""
        return Vector(
            self, self.builder.load(self.builder.bitcast(place, self.type.as_pointer()), align=self.itemsize)
        )

    def fetch(self, place: Any) -> None:
        """Ask for the vector that begins there, which will be needed soon."""
        byte, number = ir.IntType(8).as_pointer(), _INT[32]
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0i8")
        self.builder.call(function, [self.builder.bitcast(place, byte), number(0), number(3), number(1)])

    def from_bits(self, bits: Any) -> Vector:
        """The numbers with these bits."""
        return Vector(self, self.builder.bitcast(bits, self.type))

    def call(self, name: str, *operands: Any) -> Vector:
        """What LLVM's function of this name makes of the operands."""
        kind = ir.FunctionType(self.type, [x.type for x in operands])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return Vector(self, self.builder.call(function, operands))

    def read(self, name: str, table: Sequence[float], bits: Any, first: int, known: Any) -> Vector:
        """table[k] where the bits are first + k, and NaN where they are not ``known``. AVX-512, float64."""
        builder, byte = self.builder, ir.IntType(8).as_pointer()
        memory = builder.module.globals.get(name)
        if memory is None:
            kind = ir.ArrayType(self.type.element, len(table))
            memory = ir.GlobalVariable(builder.module, kind, name)
            memory.linkage, memory.global_constant, memory.align = "internal", True, VECTOR_BYTES
            memory.initializer = ir.Constant(kind, list(table))
        # Addresses are computed modulo 2⁶⁴: what ``first`` adds is taken from the place of the table.
        place = builder.add(builder.ptrtoint(memory, _INT[64]), _INT[64](-8 * first % 2**64))
        nothing = self.number(float("nan")).value
        scale = _INT[32](self.itemsize)
        return self.call(
            "llvm.x86.avx512.mask.gather.qpd.512", nothing, builder.inttoptr(place, byte), bits, known, scale
        )

    def choose(self, table: Sequence[float], bits: Any) -> Vector:
        """table[k] of 32 numbers, k the lowest five bits. AVX-512, float32."""
        halves = [ir.Constant(self.type, list(half)) for half in (table[:16], table[16:])]
        return self.call("llvm.x86.avx512.vpermi2var.ps.512", halves[0], bits, halves[1])


class Vector:
    """As many numbers as the machine takes at once."""

    def __init__(self, kind: Vectors, value: Any) -> None:
        self.kind, self.value = kind, value

    def _other(self, x: Vector | float) -> Any:
        return x.value if isinstance(x, Vector) else self.kind.number(x).value

    def __add__(self, x: Vector | float) -> Vector:
        return Vector(self.kind, self.kind.builder.fadd(self.value, self._other(x), flags=self.kind.flags))

    def __sub__(self, x: Vector | float) -> Vector:
        return Vector(self.kind, self.kind.builder.fsub(self.value, self._other(x), flags=self.kind.flags))

    def __rsub__(self, x: float) -> Vector:
        return self.kind.number(x) - self

    def __mul__(self, x: Vector | float) -> Vector:
        return Vector(self.kind, self.kind.builder.fmul(self.value, self._other(x), flags=self.kind.flags))

    def __truediv__(self, x: Vector) -> Vector:
        return Vector(self.kind, self.kind.builder.fdiv(self.value, x.value, flags=self.kind.flags))

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Vector:
        return Vector(self.kind, self.kind.builder.fneg(self.value))

    def __abs__(self) -> Vector:
        return self._named("fabs", self.value)

    def with_sign_of(self, x: Vector) -> Vector:
        """These sizes, with the signs of x."""
        return self._named("copysign", self.value, x.value)

    def __lt__(self, x: Vector | float) -> Any:
        return self.kind.builder.fcmp_ordered("<", self.value, self._other(x), flags=self.kind.flags)

    def __le__(self, x: Vector | float) -> Any:
        return self.kind.builder.fcmp_ordered("<=", self.value, self._other(x), flags=self.kind.flags)

    def __gt__(self, x: Vector | float) -> Any:
        return self.kind.builder.fcmp_ordered(">", self.value, self._other(x), flags=self.kind.flags)

    def within(self, end: float) -> Vector:
        """These numbers, or ±end where they lie beyond. NaN stays NaN."""
        below = where(self > end, self.kind.number(end), self)
        return where(below < -end, self.kind.number(-end), below)

    def known(self) -> Any:
        """Where these are numbers, not NaN."""
        return self.kind.builder.fcmp_ordered("==", self.value, self.value, flags=self.kind.flags)

    def bits(self) -> Any:
        """Their bits, as integers."""
        return self.kind.builder.bitcast(self.value, self.kind.integers)

    def sum(self) -> Any:
        """The sum of these numbers, taken in halves."""
        width, total, builder = self.kind.width, self.value, self.kind.builder
        while width > 1:
            width //= 2
            places = ir.VectorType(_INT[32], width)
            low, high = (
                builder.shuffle_vector(total, total, ir.Constant(places, list(range(start, start + width))))
                for start in (0, width)
            )
            total = builder.fadd(low, high, flags=self.kind.flags)
        return builder.extract_element(total, _INT[32](0))

    def store(self, place: Any) -> None:
        """Write them to memory from there on."""
        builder = self.kind.builder
        builder.store(self.value, builder.bitcast(place, self.kind.type.as_pointer()), align=self.kind.itemsize)

    def _named(self, name: str, *operands: Any) -> Vector:
        size = self.kind
        return size.call(f"llvm.{name}.v{size.width}f{8 * size.itemsize}", *operands)


def where(condition: Any, x: Vector, y: Vector) -> Vector:
    """X where the condition holds, y elsewhere."""
    return Vector(x.kind, x.kind.builder.select(condition, x.value, y.value))


def _prefer_widest(_context):
    def codegen(context, builder, _signature, _args):
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.none(), codegen


#: Called in a compiled function, lets it use the widest vectors of the machine; by default LLVM halves AVX-512's.
#: Interpreted, it does nothing.
widest_vectors: Any = (lambda: None) if config.DISABLE_JIT else intrinsic(_prefer_widest)  # type: ignore[attr-defined]


def aligned_zeros(shape: tuple[int, ...], real: str = "float64") -> NDArray[Any]:
    """Return zeros that begin where a page does: no vector lies on two cache lines."""
    size = math.prod(shape) * np.dtype(real).itemsize
    memory = np.zeros(size + PAGE, dtype=np.uint8)
    start = -memory.ctypes.data % PAGE
    return memory[start : start + size].view(real).reshape(shape)
