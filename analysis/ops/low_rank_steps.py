"""Step sizes of a chunk of tokens, made of their low-rank form where they are used."""

from llvmlite import ir
from numba import njit
from numba.core.cgutils import for_range
from numba.extending import intrinsic

from analysis.ops import avx512
from analysis.ops.avx512 import AVX512, WIDTH
from analysis.ops.lane_code import LANES, LaneCode, intrinsic_code
from analysis.ops.selective_scan.cpu_rows import softplus_rows
from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
    assume_no_overlap,
    prefer_widest_vectors,
    take,
)

_OPTIONS = COMPILED | {"fastmath": FASTMATH}
_TOKENS = 4
"""Tokens at a time: the sums of one alone would wait for each other."""


def _steps_of_tokens(code: LaneCode) -> None:
    """16 channels of the tokens whose low-rank forms are at `at_0` to `at_3`."""
    builder = code.builder
    sums = code.held([code.load("offset", ir.IntType(64)(0))] * _TOKENS)
    with for_range(builder, code["rank"]) as loop:
        weight = code.load("step_weight", loop.index)
        for k, place in enumerate(sums):
            part = code.number("selection", builder.add(code[f"at_{k}"], loop.index))
            builder.store(avx512.multiply_add(builder, part, weight, builder.load(place)), place)
    steps = avx512.softplus(builder, [builder.load(place) for place in sums])
    for k, step in enumerate(steps):
        code.store(step, "steps", builder.add(code["row"], ir.IntType(64)(k)))


@intrinsic
def _four_steps(
    typing_context, steps, row, lane, selection, at_0, at_1, at_2, at_3, step_weight, rank, offset
):
    return intrinsic_code(_steps_of_tokens, locals())


@njit(**_OPTIONS)
def low_rank_steps(steps, selection, at, row, step_weight, offset, size):
    """softplus(step_weight selection + offset) of a chunk's tokens.

    The first token's low-rank form is at `at` in flat memory, the next `row` further; step_weight
    (R, LANES), offset (1, LANES). What the last four rows hold beyond `size` means nothing.
    """
    prefer_widest_vectors()
    assume_no_overlap()
    rank = len(step_weight)
    for i in range(0, size, _TOKENS):
        at_0, at_1 = at + i * row, at + min(i + 1, size - 1) * row
        at_2, at_3 = at + min(i + 2, size - 1) * row, at + min(i + 3, size - 1) * row
        if AVX512:
            for lane in range(0, LANES, WIDTH):
                _four_steps(
                    steps, i, lane, selection, at_0, at_1, at_2, at_3, step_weight, rank, offset
                )
            continue
        for j in range(LANES):
            steps[i, j] = steps[i + 1, j] = steps[i + 2, j] = steps[i + 3, j] = offset[0, j]
        for r in range(rank):
            s_0, s_1 = take(selection, at_0 + r), take(selection, at_1 + r)
            s_2, s_3 = take(selection, at_2 + r), take(selection, at_3 + r)
            for j in range(LANES):
                weight = step_weight[r, j]
                steps[i, j] += s_0 * weight
                steps[i + 1, j] += s_1 * weight
                steps[i + 2, j] += s_2 * weight
                steps[i + 3, j] += s_3 * weight
    if not AVX512:
        softplus_rows(steps, size)
