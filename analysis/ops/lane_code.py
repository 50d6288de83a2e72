"""LLVM code for sixteen channels of (rows, LANES) arrays, or for their whole rows, in registers.

A loop of plain Python over such arrays writes every sum to memory and reads it again at the next
token; what is built here does not. For processors with AVX-512 only.
"""

from collections.abc import Callable, Iterator

from llvmlite import ir
from numba import types
from numba.core.cgutils import alloca_once, for_range_slice

from analysis.ops import avx512

LANES = 64
"""Channels worked on at once: four of the widest vectors, so that a loop has no remainder."""
_TOGETHER = 4
"""States in registers at once; with eight, none would be left for constants."""


class LaneCode:
    """A kernel's arrays and numbers by name, for code that works on whole rows or on 16 channels of
    them, from `lane` on."""

    def __init__(self, context, builder, kinds: dict[str, types.Type], values):
        self.builder = builder
        self._of = {}
        for (name, kind), value in zip(kinds.items(), values, strict=True):
            if isinstance(kind, types.Array):
                value = context.make_array(kind)(context, builder, value).data
            self._of[name] = value

    def __getitem__(self, name: str) -> ir.Value:
        """A number, or where an array begins."""
        return self._of[name]

    def __contains__(self, name: str) -> bool:
        return name in self._of

    def place(self, name: str, row: ir.Value, width: int = LANES) -> ir.Value:
        """Where these channels stand in a row; rows of `width` 16 hold no others."""
        at = self.builder.mul(row, _whole(width))
        if width == LANES:
            at = self.builder.add(at, self["lane"])
        place = self.builder.gep(self[name], [at])
        return self.builder.bitcast(place, avx512.VECTOR.as_pointer())

    def load(self, name: str, row: ir.Value, width: int = LANES) -> ir.Value:
        return self.builder.load(self.place(name, row, width), align=4)

    def store(self, value: ir.Value, name: str, row: ir.Value, width: int = LANES) -> None:
        self.builder.store(value, self.place(name, row, width), align=4)

    def row_places(self, name: str, at: ir.Value) -> list[ir.Value]:
        """Where the vectors of a whole row of LANES numbers stand that begins at `at`."""
        starts = [self.builder.add(at, _whole(k)) for k in range(0, LANES, avx512.WIDTH)]
        places = [self.builder.gep(self[name], [start]) for start in starts]
        return [self.builder.bitcast(place, avx512.VECTOR.as_pointer()) for place in places]

    def load_row(self, name: str, at: ir.Value) -> list[ir.Value]:
        return [self.builder.load(place, align=4) for place in self.row_places(name, at)]

    def store_row(self, values: list[ir.Value], name: str, at: ir.Value) -> None:
        for value, place in zip(values, self.row_places(name, at), strict=True):
            self.builder.store(value, place, align=4)

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

    def state_groups(self) -> Iterator[list[ir.Value]]:
        """Numbers of states that go together: four at a time, then each of those left over.

        What is built meanwhile stands inside a loop over the groups.
        """
        left_over = self.builder.srem(self["states"], _whole(_TOGETHER))
        grouped = self.builder.sub(self["states"], left_over)
        for start, stop, together in (
            (_whole(0), grouped, _TOGETHER),
            (grouped, self["states"], 1),
        ):
            with for_range_slice(self.builder, start, stop, _whole(together)) as (first, _):
                yield [self.builder.add(first, _whole(k)) for k in range(together)]


def _whole(number: int) -> ir.Constant:
    return ir.IntType(64)(number)


def intrinsic_code(build: Callable[[LaneCode], None], parameters: dict[str, types.Type]) -> tuple:
    """What an intrinsic returns that gives nothing, and whose code `build` writes.

    `parameters` are the `locals()` of its typing function: their names are those of the code's.
    """
    kinds = {name: kind for name, kind in parameters.items() if name != "typing_context"}

    def generate(context, builder, signature, arguments):
        build(LaneCode(context, builder, kinds, arguments))
        return context.get_dummy_value()

    return types.void(*kinds.values()), generate
