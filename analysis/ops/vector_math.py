"""Exponential, softplus and sigmoid that LLVM can turn into vector instructions.

The C library's functions are called one number at a time and would take most of a scan's time.
These are polynomials in float32 with an error of a few units in the last place.
"""

import math
from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.polynomial import Chebyshev, Polynomial

from analysis.ops.kernel_cache import use_kernel_cache

use_kernel_cache()

COMPILED = {"nogil": True, "error_model": "numpy"}
"""Options of every kernel. Python's check for a zero divisor would be a branch in each division."""
FASTMATH = {"contract", "nsz", "arcp"}
"""Relaxations that leave infinities and NaN alone, so that a diverging model still shows it.

`reassoc` is not among them: it would cancel the two additions that round inside `exp2`.
"""

LOG2_E = np.float32(1 / math.log(2))

_FLOAT, _WORD = ir.FloatType(), ir.IntType(32)


def coefficients(
    function: Callable[[np.ndarray], np.ndarray], low: float, high: float, degree: int
) -> tuple[np.float32, ...]:
    """Near-minimax polynomial of `function` on [low, high], lowest power first."""
    fitted = Chebyshev.interpolate(function, degree, domain=[low, high])
    return tuple(np.float32(c) for c in fitted.convert(kind=Polynomial).coef)


def _exp2_ratio(f: np.ndarray) -> np.ndarray:
    f = np.where(f == 0, np.finfo(np.float64).tiny, f)
    return np.expm1(f * math.log(2)) / f


def _log1p_ratio(t: np.ndarray) -> np.ndarray:
    return np.log1p(t) / t


# 2**0 is exactly 1, or states that hardly fade would drift over thousands of tokens.
_E0, (_E1, _E2, _E3, _E4, _E5) = np.float32(1.0), coefficients(_exp2_ratio, -0.5, 0.5, 4)
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8, _L9 = coefficients(_log1p_ratio, 1e-9, 1.0, 9)
LARGEST_EXPONENT = np.float32(126.0)
_ROUNDING = np.float32(1.5 * 2**23)
"""Adding this to a small float32 rounds it to a whole number and leaves that in the low bits."""


@intrinsic
def prefer_widest_vectors(typing_context):
    """Asks LLVM for 512-bit vectors in the calling function where the processor has them.

    LLVM's default for many AVX-512 processors is 256 bits; the scan's inner loop is long enough
    to gain a factor of two. Elsewhere the attribute has no effect.
    """

    def generate(context, builder, signature, arguments):
        # llvmlite lists the attributes it knows; `set.add` puts in one that LLVM knows besides.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.none(), generate


@intrinsic
def approximate_division(typing_context):
    """Has LLVM work out every `_reciprocal` of the calling function from an estimate.

    A division keeps the processor's multiplier busy several times as long as the estimate with
    one Newton step, which is off by a unit in the last place or two. LLVM forgets the wish when it
    inlines the function, so the kernel that Python calls has to express it too.
    """

    def generate(context, builder, signature, arguments):
        set.add(builder.function.attributes, '"reciprocal-estimates"="vec-divf:1"')
        return context.get_dummy_value()

    return types.none(), generate


@intrinsic
def assume_no_overlap(typing_context):
    """Promises LLVM that the float32 arrays the calling function received lie apart in memory."""

    def generate(context, builder, signature, arguments):
        for argument in builder.function.args:
            if argument.type == _FLOAT.as_pointer():
                argument.add_attribute("noalias")
        return context.get_dummy_value()

    return types.none(), generate


@intrinsic
def inline_into_caller(typing_context):
    """Has LLVM copy the calling function into its own callers, whatever its size.

    Unlike Numba's `inline="always"` this keeps what `assume_no_overlap` promised.
    """

    def generate(context, builder, signature, arguments):
        builder.function.attributes.add("alwaysinline")
        return context.get_dummy_value()

    return types.none(), generate


@intrinsic
def take(typing_context, memory, index):
    """`memory[index]` of a contiguous 1-D array, without Python's meaning of negative indices.

    Numba's own indexing asks of every computed index whether it is negative, and a slice of a row
    counts references; either keeps a loop from becoming vector instructions.
    """

    def generate(context, builder, signature, arguments):
        return builder.load(_address(context, builder, signature, arguments))

    return memory.dtype(memory, types.int64), generate


@intrinsic
def put(typing_context, memory, index, value):
    """`memory[index] = value`, as `take` reads."""

    def generate(context, builder, signature, arguments):
        builder.store(arguments[2], _address(context, builder, signature, arguments))
        return context.get_dummy_value()

    return types.void(memory, types.int64, memory.dtype), generate


@intrinsic
def prefetch(typing_context, memory, index):
    """Asks for the cache line of a 1-D array's element ahead of its use; any index is safe.

    It comes into the second-level cache: in the first, rows to come would push out those in use.
    """

    def generate(context, builder, signature, arguments):
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.bitcast(_address(context, builder, signature, arguments), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        read, second_level, data_cache = word(0), word(2), word(1)
        builder.call(fetch, [address, read, second_level, data_cache])
        return context.get_dummy_value()

    return types.void(memory, types.int64), generate


def _address(context, builder, signature, arguments):
    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    return builder.gep(data, [arguments[1]])


@intrinsic
def _scale_by_power(typing_context, value, rounded):
    """value * 2**k for value in [0.7, 1.5], with k in the low bits of `rounded` = k + _ROUNDING.

    The shift pushes everything but k out of the word and k into the exponent.
    """

    def generate(context, builder, signature, arguments):
        bits, low_bits = (builder.bitcast(argument, _WORD) for argument in arguments)
        return builder.bitcast(builder.add(bits, builder.shl(low_bits, _WORD(23))), _FLOAT)

    return types.float32(types.float32, types.float32), generate


@intrinsic
def _multiply_add(typing_context, a, b, c):
    """a * b + c, rounded once where the processor can."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(_FLOAT, [_FLOAT] * 3)
        function = builder.module.declare_intrinsic("llvm.fmuladd", [_FLOAT], kind)
        return builder.call(function, arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


@intrinsic
def _reciprocal(typing_context, value):
    """1 / value for a value that is not infinite (LLVM takes no estimate otherwise)."""

    def generate(context, builder, signature, arguments):
        return builder.fdiv(_FLOAT(1.0), arguments[0], flags=("arcp", "ninf"))

    return types.float32(types.float32), generate


@njit(inline="always", error_model="numpy", fastmath=FASTMATH)
def _exp2_polynomial(f):
    return _E0 + f * (_E1 + f * (_E2 + f * (_E3 + f * (_E4 + f * _E5))))


@njit(inline="always", error_model="numpy", fastmath=FASTMATH)
def exp2(x):
    """2**x in float32; exponents beyond +-126 are held there."""
    x = min(max(x, -LARGEST_EXPONENT), LARGEST_EXPONENT)
    rounded = x + _ROUNDING
    return _scale_by_power(_exp2_polynomial(x - (rounded - _ROUNDING)), rounded)


@njit(inline="always", error_model="numpy", fastmath=FASTMATH)
def exp2_product(a, b, small):
    """2**(a * b) in float32; three instructions shorter where |a * b| <= 126 is known (`small`)."""
    if small:
        rounded = _multiply_add(a, b, _ROUNDING)
        f = _multiply_add(a, b, _ROUNDING - rounded)
        return _scale_by_power(_exp2_polynomial(f), rounded)
    return exp2(a * b)


@njit(inline="always", error_model="numpy", fastmath=FASTMATH)
def sigmoid(x):
    """1 / (1 + exp(-x)) in float32."""
    return _reciprocal(np.float32(1.0) + exp2(-x * LOG2_E))


@njit(inline="always", error_model="numpy", fastmath=FASTMATH)
def silu_slope(x, s):
    """Derivative of x * sigmoid(x), given s = sigmoid(x)."""
    return s * (np.float32(1.0) + x * (np.float32(1.0) - s))


@njit(inline="always", error_model="numpy", fastmath=FASTMATH)
def softplus(x):
    """log(1 + exp(x)) in float32, relatively accurate for very negative x too."""
    t = exp2(-abs(x) * LOG2_E)
    low = _L0 + t * (_L1 + t * (_L2 + t * (_L3 + t * _L4)))
    high = _L5 + t * (_L6 + t * (_L7 + t * (_L8 + t * _L9)))
    t2 = t * t
    return max(x, np.float32(0.0)) + t * (low + t2 * t2 * t * high)
