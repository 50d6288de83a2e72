"""Rows of exponentials of products: the decays of a scan, most of its arithmetic."""

from numba import njit
from numba.extending import intrinsic

from analysis.ops import avx512
from analysis.ops.avx512 import AVX512
from analysis.ops.lane_code import LANES, LaneCode, intrinsic_code
from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
    assume_no_overlap,
    exp2_product,
    inline_into_caller,
    prefer_widest_vectors,
)


def _exp2(code: LaneCode) -> None:
    factors = zip(code.load_row("a", code["a_at"]), code.load_row("b", code["b_at"]), strict=True)
    powers = avx512.exp2(code.builder, [code.builder.fmul(*pair) for pair in factors])
    code.store_row(powers, "out", code["out_at"])


@intrinsic
def _exp2_row(typing_context, out, out_at, a, a_at, b, b_at):
    return intrinsic_code(_exp2, locals())


@njit(**COMPILED, fastmath=FASTMATH)
def decay_row(out, out_row, steps, i, rates, n, small):
    """out[out_row] = 2**(steps[i] * rates[n]) for (rows, LANES) arrays of float32.

    `small` says that no exponent leaves those of float32, which saves a sixth of the loop's work.
    """
    inline_into_caller()
    prefer_widest_vectors()
    assume_no_overlap()
    if AVX512:
        _exp2_row(out, out_row * LANES, steps, i * LANES, rates, n * LANES)
    else:
        for j in range(LANES):
            out[out_row, j] = exp2_product(steps[i, j], rates[n, j], small)
