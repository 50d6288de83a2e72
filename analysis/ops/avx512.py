"""Functions of 16 float32 numbers as AVX-512 instructions, none of which LLVM finds by itself.

They build LLVM code and are called by intrinsics; `AVX512` says whether this processor has the
instructions, and nothing here may be used where it is false.
"""

import numba
import numpy as np
from llvmlite import binding, ir
from numpy.polynomial import Chebyshev, Polynomial

from analysis.ops.vector_math import LOG2_E, coefficients

WIDTH = 16
VECTOR = ir.VectorType(ir.FloatType(), WIDTH)
_WORDS = ir.VectorType(ir.IntType(32), WIDTH)

_STEPS = 32
"""Steps of the tables: what two registers hold, and one instruction looks up by five bits."""
_FIVE_BITS = 1.5 * 2**23 / _STEPS
"""Adding this, rounded down, leaves the number of whole steps of x in the sum's lowest bits."""
_WORD, _MASK = ir.IntType(32), ir.IntType(16)
_CURRENT_ROUNDING, _ROUND_DOWN = _WORD(4), _WORD(9)
_FRACTION_OF_A_STEP = _WORD(5 << 4 | 1)
"""Of `vreduceps`: what is left above the next of 2**5 steps below."""


def _has_avx512() -> bool:
    if numba.config.CPU_NAME or numba.config.CPU_FEATURES:
        return False  # The user compiles for another processor than this one.
    features = binding.get_host_cpu_features()
    return features.get("avx512f", False) and features.get("avx512dq", False)


AVX512 = _has_avx512()


def _square_of_sum() -> tuple[np.float32, np.float32, np.ndarray]:
    """a, b and a table T for which T[i] * ((f + a)**2 + b) is 2**(i / 32 + f), 0 <= f < 1/32.

    The near-minimax parabola written so takes one multiplication less.
    """
    parabola = Chebyshev.interpolate(np.exp2, 2, domain=[0, 1 / _STEPS]).convert(kind=Polynomial)
    level, slope, bend = parabola.coef
    a = np.float32(slope / bend / 2)
    b = np.float32(level / bend - np.float64(a) ** 2)
    first = level / (np.float64(a) ** 2 + np.float64(b))  # what rounding a and b leaves of `bend`
    return a, b, first * np.exp2(np.arange(_STEPS) / _STEPS)


_ADDED, _LEVEL, _POWERS = _square_of_sum()


def _reciprocals() -> np.ndarray:
    """Of the middles of 32 intervals of [1, 2]; of the first its beginning, so that 1 stays 1."""
    middles = 1 + (np.arange(_STEPS) + 0.5) / _STEPS
    return np.append(1, 1 / middles[1:]).astype(np.float32).astype(np.float64)


_RECIPROCALS = _reciprocals()
_LOG1P_RATIO = coefficients(lambda z: np.log1p(z) / z, -1 / 64, 1 / 32, 3)


def same(number: float) -> ir.Constant:
    """The number in every lane."""
    return VECTOR([float(np.float32(number))] * WIDTH)


def _call(builder: ir.IRBuilder, name: str, arguments: list[ir.Value]) -> ir.Value:
    kind = ir.FunctionType(VECTOR, [argument.type for argument in arguments])
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, arguments)


def multiply_add(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    """a * b + c, rounded once."""
    return _call(builder, "llvm.fma.v16f32", [a, b, c])


def look_up(builder: ir.IRBuilder, table: np.ndarray, bits: ir.Value) -> ir.Value:
    """The entry of a table of 32 that the lowest five bits of every lane name."""
    low, high = (VECTOR([float(np.float32(v)) for v in half]) for half in np.split(table, 2))
    words = builder.bitcast(bits, _WORDS)
    return _call(builder, "llvm.x86.avx512.vpermi2var.ps.512", [low, words, high])


def _rounded_down(builder: ir.IRBuilder, name: str, *arguments: ir.Value) -> ir.Value:
    return _call(builder, f"llvm.x86.avx512.{name}.ps.512", [*arguments, _ROUND_DOWN])


def _masked(builder: ir.IRBuilder, name: str, *arguments: ir.Value) -> ir.Value:
    every_lane = [VECTOR(ir.Undefined), _MASK(-1), _CURRENT_ROUNDING]
    return _call(builder, f"llvm.x86.avx512.mask.{name}.ps.512", [*arguments, *every_lane])


def exp2(builder: ir.IRBuilder, vectors: list[ir.Value]) -> list[ir.Value]:
    """2**x for any x: a table's entry scaled by two to a whole power, times a parabola.

    Processors have fewest units for multiplications; two are all this takes. Several vectors go
    side by side, since each step waits for the one before.
    """
    above = [_masked(builder, "reduce", x, _FRACTION_OF_A_STEP) for x in vectors]
    indices = [_rounded_down(builder, "add", x, same(_FIVE_BITS)) for x in vectors]
    entries = [look_up(builder, _POWERS, index) for index in indices]
    roots = [builder.fadd(f, same(_ADDED)) for f in above]
    powers = [
        _masked(builder, "scalef", entry, x) for entry, x in zip(entries, vectors, strict=True)
    ]
    parabolas = [multiply_add(builder, root, root, same(_LEVEL)) for root in roots]
    return [builder.fmul(*factors) for factors in zip(powers, parabolas, strict=True)]


def softplus(builder: ir.IRBuilder, vectors: list[ir.Value]) -> list[ir.Value]:
    """log(1 + exp(x)), relatively accurate for very negative x too.

    The logarithm is a table's entry and a cubic over what 1 + exp(-|x|) has beyond that entry.
    """
    sign = _WORDS([1 << 31] * WIDTH)
    negative = [
        builder.bitcast(builder.or_(builder.bitcast(x, _WORDS), sign), VECTOR) for x in vectors
    ]
    exponents = [builder.fmul(x, same(LOG2_E)) for x in negative]
    logarithms = [_log1p(builder, t) for t in exp2(builder, exponents)]
    positive = [builder.select(builder.fcmp_ordered(">", x, same(0)), x, same(0)) for x in vectors]
    return [builder.fadd(*parts) for parts in zip(positive, logarithms, strict=True)]


def _log1p(builder: ir.IRBuilder, t: ir.Value) -> ir.Value:
    """log(1 + t) for t from 0 to 1."""
    # 1 itself is of the last interval, not of one beyond.
    index = _rounded_down(builder, "vfmadd", t, same(1 - 2**-20), same(_FIVE_BITS))
    reciprocal = look_up(builder, _RECIPROCALS, index)
    beyond = multiply_add(builder, t, reciprocal, builder.fsub(reciprocal, same(1)))
    *lower, ratio = (same(c) for c in _LOG1P_RATIO)
    for coefficient in reversed(lower):
        ratio = multiply_add(builder, ratio, beyond, coefficient)
    return multiply_add(builder, beyond, ratio, look_up(builder, -np.log(_RECIPROCALS), index))


def broadcast(builder: ir.IRBuilder, number: ir.Value) -> ir.Value:
    """A float32 in every lane."""
    undefined = VECTOR(ir.Undefined)
    lane = builder.insert_element(undefined, number, _WORD(0))
    return builder.shuffle_vector(lane, undefined, _WORDS([0] * WIDTH))


def sums_of_four(builder: ir.IRBuilder, vectors: list[ir.Value]) -> ir.Value:
    """The sums over all lanes of four vectors, as a vector of four.

    Each step lays two vectors into each other and adds what then stands on each other, which takes
    a quarter of the instructions that one sum after another would.
    """
    of_four = range(0, WIDTH, 4)  # unpacking instructions work on blocks of four lanes
    low = [k for at in of_four for k in (at, WIDTH + at, at + 1, WIDTH + at + 1)]
    pairs = [_laid_together(builder, *vectors[k : k + 2], low, 2) for k in (0, 2)]
    low = [k for at in of_four for k in (at, at + 1, WIDTH + at, WIDTH + at + 1)]
    blocks = _laid_together(builder, *pairs, low, 2)
    halves = [_part(builder, blocks, start, 8) for start in (0, 8)]
    half = builder.fadd(*halves)
    return builder.fadd(_part(builder, half, 0, 4), _part(builder, half, 4, 4))


def _laid_together(builder: ir.IRBuilder, a, b, lanes: list[int], further: int) -> ir.Value:
    """Lanes of a and b (numbered from 16), plus the lanes `further` on of the same."""
    first, second = (
        builder.shuffle_vector(a, b, _WORDS([lane + shift for lane in lanes]))
        for shift in (0, further)
    )
    return builder.fadd(first, second)


def _part(builder: ir.IRBuilder, vector: ir.Value, start: int, length: int) -> ir.Value:
    """`length` lanes of a vector from `start` on."""
    lanes = ir.VectorType(_WORD, length)(list(range(start, start + length)))
    return builder.shuffle_vector(vector, vector.type(ir.Undefined), lanes)
