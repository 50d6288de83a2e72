"""What the scan kernels do to whole rows of a chunk before and after the recurrence.

A row is the channels of one block for one token. Rows of a tensor lie `row` elements apart in flat
memory, beginning at `at`; `row` is negative when the sequence is read from its last token.
"""

import numpy as np
from numba import njit
from numba.extending import intrinsic

from analysis.ops import avx512
from analysis.ops.avx512 import AVX512
from analysis.ops.lane_code import LANES, LaneCode, intrinsic_code
from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
    LARGEST_EXPONENT,
    LOG2_E,
    assume_no_overlap,
    prefer_widest_vectors,
    prefetch,
    put,
    sigmoid,
    silu_slope,
    softplus,
    take,
)

CHUNK = 16
"""Tokens worked on at once: their rows and a block's states fit the first-level cache."""

_OPTIONS = COMPILED | {"fastmath": FASTMATH}


@njit(inline="always")
def carve(rows):
    """Zeroed float32 scratch arrays of (rows, LANES), one for each number, in one allocation.

    They begin on cache lines, since a vector across two lines costs double, and lie whole rows
    apart, since a load a little more than 4096 bytes from a fresh store would wait for it.
    """
    total = 0
    for count in rows:
        total += count * LANES
    memory = np.zeros(total + 16, np.float32)
    start = (-memory.ctypes.data % 64) // 4
    arrays = []
    for count in rows:
        arrays.append(memory[start : start + count * LANES].reshape(count, LANES))
        start += count * LANES
    return arrays


@njit(inline="always")
def prefetch_row(memory, at):
    """Fetches a row ahead of its use: rows lie too far apart for the processor to foresee."""
    for line in range(0, LANES, 16):
        prefetch(memory, at + line)


@njit(**_OPTIONS)
def load_weights(rates, vectors, A, D, bias, first_channel, width):
    """A block's weights, 0 in empty lanes: `rates` are A times log2(e), the rows of `vectors` D
    and bias.

    Returns the largest step size that no rate takes beyond the exponents of float32.
    """
    vectors[:] = 0
    rates[:] = 0
    fastest = np.float32(0.0)
    for j in range(width):
        vectors[0, j] = D[first_channel + j]
        vectors[1, j] = bias[first_channel + j]
        for n in range(len(rates)):
            rate = A[first_channel + j, n] * LOG2_E
            rates[n, j] = rate
            fastest = max(fastest, abs(rate))
    return LARGEST_EXPONENT / fastest


def _softplus(code: LaneCode) -> None:
    values = avx512.softplus(code.builder, code.load_row("rows", code["at"]))
    code.store_row(values, "rows", code["at"])


@intrinsic
def _softplus_row(typing_context, rows, at):
    return intrinsic_code(_softplus, locals())


def _load(code: LaneCode) -> None:
    """A row of `steps` and of `writes`, both at `at`."""
    builder = code.builder
    raw = zip(
        code.load_row("delta", code["delta_at"]),
        code.load_row("vectors", code["bias_at"]),
        strict=True,
    )
    steps = avx512.softplus(builder, [builder.fadd(*parts) for parts in raw])
    code.store_row(steps, "steps", code["at"])
    inputs = zip(steps, code.load_row("u", code["u_at"]), strict=True)
    code.store_row([builder.fmul(*factors) for factors in inputs], "writes", code["at"])


@intrinsic
def _load_row(typing_context, steps, writes, at, delta, delta_at, vectors, bias_at, u, u_at):
    return intrinsic_code(_load, locals())


@njit(**_OPTIONS)
def softplus_rows(rows, size):
    """Softplus in place of the first `size` rows."""
    prefer_widest_vectors()
    assume_no_overlap()
    for i in range(size):
        if AVX512:
            _softplus_row(rows, i * LANES)
        else:
            for j in range(LANES):
                rows[i, j] = softplus(rows[i, j])


@njit(**_OPTIONS)
def load_rows(
    steps, writes, delta, delta_at, delta_row, u, u_at, u_row, vectors, width, size, use_softplus
):
    """Step sizes, and steps times inputs; `vectors` are those of `load_weights`."""
    prefer_widest_vectors()
    assume_no_overlap()
    if AVX512 and use_softplus and width == LANES:
        for i in range(size):
            at, seen_at = delta_at + i * delta_row, u_at + i * u_row
            prefetch_row(delta, at + CHUNK * delta_row)
            prefetch_row(u, seen_at + CHUNK * u_row)
            _load_row(steps, writes, i * LANES, delta, at, vectors, LANES, u, seen_at)
        return
    for i in range(size):
        at = delta_at + i * delta_row
        prefetch_row(delta, at + CHUNK * delta_row)
        for j in range(width):
            steps[i, j] = take(delta, at + j) + vectors[1, j]
    if use_softplus:
        softplus_rows(steps, size)
    for i in range(size):
        at = u_at + i * u_row
        prefetch_row(u, at + CHUNK * u_row)
        for j in range(width):
            writes[i, j] = steps[i, j] * take(u, at + j)


@njit(**_OPTIONS)
def all_within(rows, size, limit):
    """Whether every number of the first `size` rows lies in [-limit, limit]; never for NaN."""
    prefer_widest_vectors()
    within = np.int32(0)
    for i in range(size):
        for j in range(LANES):
            within += np.int32(1) if abs(rows[i, j]) <= limit else np.int32(0)
    return within == size * LANES


@njit(**_OPTIONS)
def finish_rows(
    out, out_at, out_row, outputs, u, u_at, u_row, vectors, z, z_at, z_row, width, size, gated
):
    """Writes the chunk's outputs with the skip connection, through the gate where there is one."""
    prefer_widest_vectors()
    assume_no_overlap()
    for i in range(size):
        at, seen_at, gate_at = out_at + i * out_row, u_at + i * u_row, z_at + i * z_row
        prefetch_row(out, at + CHUNK * out_row)
        if gated:
            prefetch_row(z, gate_at + CHUNK * z_row)
            for j in range(width):
                gate = take(z, gate_at + j)
                y = outputs[i, j] + take(u, seen_at + j) * vectors[0, j]
                put(out, at + j, y * gate * sigmoid(gate))
        else:
            for j in range(width):
                put(out, at + j, outputs[i, j] + take(u, seen_at + j) * vectors[0, j])


@njit(**_OPTIONS)
def output_gradients(g_y, g, g_at, g_row, z, z_at, z_row, width, size, gated):
    """Gradients of the chunk's outputs before the gate."""
    prefer_widest_vectors()
    assume_no_overlap()
    for i in range(size):
        at, gate_at = g_at + i * g_row, z_at + i * z_row
        if gated:
            for j in range(width):
                gate = take(z, gate_at + j)
                g_y[i, j] = take(g, at + j) * (gate * sigmoid(gate))
        else:
            for j in range(width):
                g_y[i, j] = take(g, at + j)


@njit(**_OPTIONS)
def gate_gradients(
    g_z, out_at, out_row, g, g_at, g_row, z, z_at, z_row, outputs, u, u_at, u_row, vectors, width,
    size,
):  # fmt: skip
    """Gradients of the gate."""
    prefer_widest_vectors()
    assume_no_overlap()
    for i in range(size):
        at, gate_at, target = g_at + i * g_row, z_at + i * z_row, out_at + i * out_row
        seen_at = u_at + i * u_row
        for j in range(width):
            gate = take(z, gate_at + j)
            y = outputs[i, j] + take(u, seen_at + j) * vectors[0, j]
            put(g_z, target + j, take(g, at + j) * y * silu_slope(gate, sigmoid(gate)))


@njit(**_OPTIONS)
def input_gradients(
    g_u, g_delta, out_at, out_row, sums, through_rate, read, steps, g_y, u, u_at, u_row,
    delta, delta_at, delta_row, vectors, width, size, use_softplus,
):  # fmt: skip
    """Gradients of inputs and raw step sizes, from what the recurrence read and passed on.

    Those of D and of the bias are added to the rows of `sums`.
    """
    prefer_widest_vectors()
    assume_no_overlap()
    for i in range(size):
        at, raw_at, target = u_at + i * u_row, delta_at + i * delta_row, out_at + i * out_row
        for j in range(width):
            seen, inner, value = read[i, j], g_y[i, j], take(u, at + j)
            put(g_u, target + j, seen * steps[i, j] + inner * vectors[0, j])
            sums[0, j] += inner * value
            # `rates` hold A log2(e); the derivative of the decay needs A itself.
            slope = through_rate[i, j] / LOG2_E + seen * value
            if use_softplus:
                slope *= sigmoid(take(delta, raw_at + j) + vectors[1, j])
            put(g_delta, target + j, slope)
            sums[1, j] += slope
