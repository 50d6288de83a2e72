"""Rows of exponentials of products: the decays of a scan, most of its arithmetic.

With AVX-512 they take eight instructions a vector, none of which LLVM finds by itself: `vreduceps`
leaves the fraction of an exponent and `vscalefps` multiplies by two to its whole part, for any
exponent. Elsewhere they are an ordinary loop over `exp2_product`.
"""

import numba
import numpy as np
from llvmlite import binding, ir
from numba import njit, types
from numba.extending import intrinsic

from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
    assume_no_overlap,
    coefficients,
    exp2_product,
    inline_into_caller,
    prefer_widest_vectors,
)

LANES = 64
"""Channels worked on at once: four of the widest vectors, so that a loop has no remainder."""

_WIDTH = 16
_VECTOR = ir.VectorType(ir.FloatType(), _WIDTH)
_FRACTION_BELOW = 1
"""Of `vreduceps`: take off the next whole number below."""
_CURRENT_ROUNDING = 4
_EXP2 = coefficients(np.exp2, 0.0, 1.0, 5)


def _has_avx512() -> bool:
    if numba.config.CPU_NAME or numba.config.CPU_FEATURES:
        return False  # The user compiles for another processor than this one.
    features = binding.get_host_cpu_features()
    return features.get("avx512f", False) and features.get("avx512dq", False)


AVX512 = _has_avx512()


def _exp2_vector(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """2**x for 16 numbers, with AVX-512 instructions."""
    word, mask = ir.IntType(32), ir.IntType(16)
    operands = {
        "fma.v16f32": [_VECTOR] * 3,
        "x86.avx512.mask.reduce.ps.512": [_VECTOR, word, _VECTOR, mask, word],
        "x86.avx512.mask.scalef.ps.512": [_VECTOR, _VECTOR, _VECTOR, mask, word],
    }
    multiply_add, reduce, scale = (
        builder.module.globals.get(f"llvm.{name}")
        or ir.Function(builder.module, ir.FunctionType(_VECTOR, kinds), f"llvm.{name}")
        for name, kinds in operands.items()
    )
    all_lanes = [_VECTOR(ir.Undefined), mask(-1), word(_CURRENT_ROUNDING)]
    fraction = builder.call(reduce, [x, word(_FRACTION_BELOW), *all_lanes])
    *lower, power = (_VECTOR([float(c)] * _WIDTH) for c in _EXP2)
    for coefficient in reversed(lower):
        power = builder.call(multiply_add, [power, fraction, coefficient])
    return builder.call(scale, [power, x, *all_lanes])


@intrinsic
def _exp2_row(typing_context, out, out_row, a, a_row, b, b_row):
    """out[out_row] = 2**(a[a_row] * b[b_row]) for (rows, LANES) arrays."""

    def generate(context, builder, signature, arguments):
        def place(k, first):
            data = context.make_array(signature.args[k])(context, builder, arguments[k]).data
            row = builder.mul(arguments[k + 1], ir.IntType(64)(LANES))
            at = builder.add(row, ir.IntType(64)(first))
            return builder.bitcast(builder.gep(data, [at]), _VECTOR.as_pointer())

        for first in range(0, LANES, _WIDTH):
            left, right = (builder.load(place(k, first), align=4) for k in (2, 4))
            power = _exp2_vector(builder, builder.fmul(left, right))
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
