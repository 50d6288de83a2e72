"""LLVM code for sixteen channels of (rows, LANES) arrays, which stay in registers along the way.

A loop of plain Python over such arrays writes every sum to memory and reads it again at the next
token; what is built here does not. For processors with AVX-512 only.
"""

from collections.abc import Callable

from llvmlite import ir
from numba import types
from numba.core.cgutils import alloca_once

from analysis.ops import avx512
from analysis.ops.decay_rows import LANES


class LaneCode:
    """A kernel's arrays and numbers by name, for code that works on 16 channels from `lane` on."""

    def __init__(self, context, builder, signature, arguments, names: str):
        self.builder = builder
        self._of = {}
        for name, kind, value in zip(names.split(), signature.args, arguments, strict=True):
            if isinstance(kind, types.Array):
                value = context.make_array(kind)(context, builder, value).data
            self._of[name] = value
        # The first argument, where the kernel writes a number for it: how many rows are at work.
        self.together = getattr(signature.args[0], "literal_value", 1)

    def __getitem__(self, name: str) -> ir.Value:
        """A number, or where an array begins."""
        return self._of[name]

    def __contains__(self, name: str) -> bool:
        return name in self._of

    def place(self, name: str, row: ir.Value, width: int = LANES) -> ir.Value:
        """Where these channels stand in a row; rows of `width` 16 hold no others."""
        at = self.builder.mul(row, ir.IntType(64)(width))
        if width == LANES:
            at = self.builder.add(at, self["lane"])
        place = self.builder.gep(self[name], [at])
        return self.builder.bitcast(place, avx512.VECTOR.as_pointer())

    def load(self, name: str, row: ir.Value, width: int = LANES) -> ir.Value:
        return self.builder.load(self.place(name, row, width), align=4)

    def store(self, value: ir.Value, name: str, row: ir.Value, width: int = LANES) -> None:
        self.builder.store(value, self.place(name, row, width), align=4)

    def load_unless(self, first: ir.Value, name: str, row: ir.Value) -> ir.Value:
        """A row of sums; zero where `first` is 0, which begins them."""
        begins = self.builder.icmp_signed("==", first, first.type(0))
        return self.builder.select(begins, avx512.same(0), self.load(name, row))

    def selection(self, name: str, token: ir.Value, state: ir.Value) -> ir.Value:
        """A token's B or C of one state, in every lane."""
        row = self.builder.mul(token, self[f"{name}_row"])
        return self.number(name, self.builder.add(self.builder.add(self[f"{name}_at"], row), state))

    def number(self, name: str, at: ir.Value) -> ir.Value:
        """A number of a flat array, in every lane."""
        number = self.builder.load(self.builder.gep(self[name], [at]))
        return avx512.broadcast(self.builder, number)

    def held(self, values: list[ir.Value]) -> list[ir.Value]:
        """Variables that begin as `values`; LLVM keeps them in registers."""
        places = [alloca_once(self.builder, avx512.VECTOR) for _ in values]
        for value, place in zip(values, places, strict=True):
            self.builder.store(value, place)
        return places

    def rows(self, start: ir.Value) -> list[ir.Value]:
        """The row `start` and those after it, `together` in all."""
        return [self.builder.add(start, ir.IntType(64)(k)) for k in range(self.together)]


def intrinsic_code(
    build: Callable[[LaneCode], None], names: str, kinds: tuple[types.Type, ...]
) -> tuple:
    """What an intrinsic returns that takes arguments of these names and types and gives nothing."""

    def generate(context, builder, signature, arguments):
        build(LaneCode(context, builder, signature, arguments, names))
        return context.get_dummy_value()

    return types.void(*kinds), generate
