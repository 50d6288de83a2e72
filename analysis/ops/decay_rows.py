"""Rows of exponentials of products: the decays of a scan, most of its arithmetic."""

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from analysis.ops import avx512
from analysis.ops.avx512 import AVX512
from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
    assume_no_overlap,
    exp2_product,
    inline_into_caller,
    prefer_widest_vectors,
)

LANES = 64
"""Channels worked on at once: four of the widest vectors, so that a loop has no remainder."""


@intrinsic
def _exp2_row(typing_context, out, out_row, a, a_row, b, b_row):
    """out[out_row] = 2**(a[a_row] * b[b_row]) for (rows, LANES) arrays."""

    def generate(context, builder, signature, arguments):
        def place(k, first):
            data = context.make_array(signature.args[k])(context, builder, arguments[k]).data
            row = builder.mul(arguments[k + 1], ir.IntType(64)(LANES))
            at = builder.add(row, ir.IntType(64)(first))
            return builder.bitcast(builder.gep(data, [at]), avx512.VECTOR.as_pointer())

        lanes = range(0, LANES, avx512.WIDTH)
        rows = ([builder.load(place(k, first), align=4) for first in lanes] for k in (2, 4))
        products = [builder.fmul(*factors) for factors in zip(*rows, strict=True)]
        for first, power in zip(lanes, avx512.exp2(builder, products), strict=True):
            builder.store(power, place(0, first), align=4)
        return context.get_dummy_value()

    row = types.int64
    return types.void(out, row, a, row, b, row), generate


@njit(**COMPILED, fastmath=FASTMATH)
def decay_row(out, out_row, steps, i, rates, n, small):
    """out[out_row] = 2**(steps[i] * rates[n]) for (rows, LANES) arrays of float32.

    `small` says that no exponent leaves those of float32, which saves a sixth of the loop's work.
    """
    inline_into_caller()
    prefer_widest_vectors()
    assume_no_overlap()
    if AVX512:
        _exp2_row(out, out_row, steps, i, rates, n)
    else:
        for j in range(LANES):
            out[out_row, j] = exp2_product(steps[i, j], rates[n, j], small)
