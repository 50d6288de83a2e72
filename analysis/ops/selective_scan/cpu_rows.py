"""What the scan kernels do to whole rows of a chunk before and after the recurrence.

A row is the channels of one block for one token. Rows of a tensor lie `row` elements apart in flat
memory, beginning at `at`; `row` is negative when the sequence is read from its last token.
"""

import numpy as np
from numba import njit

from analysis.ops.decay_rows import LANES
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


@njit(**_OPTIONS)
def load_weights(rates, skip, offset, A, D, bias, first_channel, width):
    """The block's part of the weights; A times log2(e) as (states, LANES), 0 in empty lanes.

    Returns the largest step size that no rate takes beyond the exponents of float32.
    """
    rates[:] = 0
    fastest = np.float32(0.0)
    for j in range(width):
        skip[j] = D[first_channel + j]
        offset[j] = bias[first_channel + j]
        for n in range(len(rates)):
            rate = A[first_channel + j, n] * LOG2_E
            rates[n, j] = rate
            fastest = max(fastest, abs(rate))
    return LARGEST_EXPONENT / fastest


@njit(**_OPTIONS)
def load_rows(
    steps, writes, outputs, delta, delta_at, delta_row, u, u_at, u_row, skip, offset, width, size,
    use_softplus,
):  # fmt: skip
    """Step sizes, steps times inputs, and the skip connection as first part of the output."""
    prefer_widest_vectors()
    assume_no_overlap()
    for i in range(size):
        at = delta_at + i * delta_row
        if use_softplus:
            for j in range(width):
                steps[i, j] = softplus(take(delta, at + j) + offset[j])
        else:
            for j in range(width):
                steps[i, j] = take(delta, at + j) + offset[j]
        at = u_at + i * u_row
        for j in range(width):
            value = take(u, at + j)
            writes[i, j] = steps[i, j] * value
            outputs[i, j] = value * skip[j]


@njit(**_OPTIONS)
def all_within(rows, size, limit):
    """Whether every number of the first `size` rows lies in [-limit, limit]; never for NaN."""
    prefer_widest_vectors()
    within = np.int32(0)
    for i in range(size):
        for j in range(LANES):
            within += np.int32(1) if abs(rows[i, j]) <= limit else np.int32(0)
    return within == size * LANES


@njit(inline="always")
def prefetch_row(memory, at):
    """Fetches a row ahead of its use: rows lie too far apart for the processor to foresee."""
    for line in range(0, LANES, 16):
        prefetch(memory, at + line)


@njit(**_OPTIONS)
def finish_rows(out, out_at, out_row, outputs, z, z_at, z_row, width, size, gated):
    """Writes the chunk's outputs, through the gate where there is one."""
    prefer_widest_vectors()
    assume_no_overlap()
    for i in range(size):
        at, gate_at = out_at + i * out_row, z_at + i * z_row
        if gated:
            for j in range(width):
                gate = take(z, gate_at + j)
                put(out, at + j, outputs[i, j] * gate * sigmoid(gate))
        else:
            for j in range(width):
                put(out, at + j, outputs[i, j])


@njit(**_OPTIONS)
def gate_gradients(
    g_y, g_z, out_at, out_row, g, g_at, g_row, z, z_at, z_row, outputs, width, size, gated
):
    """Gradients before the gate, and of the gate."""
    prefer_widest_vectors()
    assume_no_overlap()
    for i in range(size):
        at, gate_at, target = g_at + i * g_row, z_at + i * z_row, out_at + i * out_row
        if gated:
            for j in range(width):
                gate, upstream = take(z, gate_at + j), take(g, at + j)
                s = sigmoid(gate)
                put(g_z, target + j, upstream * outputs[i, j] * silu_slope(gate, s))
                g_y[i, j] = upstream * gate * s
        else:
            for j in range(width):
                g_y[i, j] = take(g, at + j)


@njit(**_OPTIONS)
def input_gradients(
    g_u, g_delta, out_at, out_row, g_skip, g_offset, through_rate, read, steps, g_y, u, u_at,
    u_row, delta, delta_at, delta_row, skip, offset, width, size, use_softplus,
):  # fmt: skip
    """Gradients of inputs and raw step sizes, from what the recurrence read and passed on."""
    prefer_widest_vectors()
    assume_no_overlap()
    for i in range(size):
        at, raw_at, target = u_at + i * u_row, delta_at + i * delta_row, out_at + i * out_row
        for j in range(width):
            seen, inner, value = read[i, j], g_y[i, j], take(u, at + j)
            put(g_u, target + j, seen * steps[i, j] + inner * skip[j])
            g_skip[j] += inner * value
            # `rates` hold A log2(e); the derivative of the decay needs A itself.
            slope = through_rate[i, j] / LOG2_E + seen * value
            if use_softplus:
                slope *= sigmoid(take(delta, raw_at + j) + offset[j])
            put(g_delta, target + j, slope)
            g_offset[j] += slope
