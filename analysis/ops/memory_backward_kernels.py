"""Compiled gradients of a scan whose tokens read selected states of others.

A block is that of `memory_kernels`. Its states are computed again; the gradients that reach them
from the tokens that read them are gathered in an array of the same size, (L, N, LANES); then the
recurrence is walked back as `selective_scan.cpu_kernels` does.
"""

import numpy as np
from numba import njit

from analysis.ops.avx512 import AVX512
from analysis.ops.decay_rows import decay_row
from analysis.ops.lane_code import LANES
from analysis.ops.memory_kernels import ENTRY, OPTIONS, TOKENS, keep_states
from analysis.ops.selective_scan.cpu_rows import (
    CHUNK,
    all_within,
    carve,
    input_gradients,
    load_rows,
    load_weights,
)
from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
    assume_no_overlap,
    inline_into_caller,
    prefer_widest_vectors,
    put,
    take,
)

_SUMS = COMPILED | {"fastmath": FASTMATH | {"reassoc"}}


@njit(**OPTIONS)
def _load_gradients(g_y, received, g, at, gamma, c0, width):
    """A token's row of gradients, and what of it its memory receives."""
    prefer_widest_vectors()
    assume_no_overlap()
    for j in range(width):
        g_y[0, j] = take(g, at + j)
        received[0, j] = g_y[0, j] * gamma[c0 + j]


@njit(**_SUMS)
def _read_again(read, received, g_y, g_gamma, kept, index, weights, at, taps, C, c_at, g_C, g_at):
    """What a token read of every state; gradients of gamma and of its C through the memory."""
    inline_into_caller()
    prefer_widest_vectors()
    assume_no_overlap()
    states = len(read)
    for n in range(states):
        for j in range(LANES):
            read[n, j] = 0
    for tap in range(taps):
        weight, row = take(weights, at + tap), take(index, at + tap) * states
        for n in range(states):
            for j in range(LANES):
                read[n, j] += weight * kept[row + n, j]
    for n in range(states):
        c = take(C, c_at + n)
        total = np.float32(0.0)
        for j in range(LANES):
            total += received[0, j] * read[n, j]
            g_gamma[0, j] += g_y[0, j] * c * read[n, j]
        put(g_C, g_at + n, total)


@njit(**_SUMS)
def _give_to_states(gathered, received, kept, index, weights, at, taps, C, c_at, states, g_w, w_at):
    """Passes a token's gradient on to the states it read, and to their weights."""
    inline_into_caller()
    prefer_widest_vectors()
    assume_no_overlap()
    for tap in range(taps):
        weight, row = take(weights, at + tap), take(index, at + tap) * states
        total = np.float32(0.0)
        for n in range(states):
            c = take(C, c_at + n)
            for j in range(LANES):
                share = c * received[0, j]
                total += share * kept[row + n, j]
                gathered[row + n, j] += weight * share
        put(g_w, w_at + tap, total)


@njit(**_SUMS)
def _step_back(
    small, carry, rate_gradient, through_rate, read, g_B, g_C, g_at, kept, before, gathered, at,
    decay, rates, steps, writes, g_y, i, B, b_at, C, c_at,
):  # fmt: skip
    """Token i of a chunk backward; its state's row is `at`, that of the token before `before`."""
    inline_into_caller()
    prefer_widest_vectors()
    assume_no_overlap()
    for j in range(LANES):
        through_rate[i, j] = 0
        read[i, j] = 0
    for n in range(len(rates)):
        b, c = take(B, b_at + n), take(C, c_at + n)
        decay_row(decay, 0, steps, i, rates, n, small)
        sum_b = np.float32(0.0)
        sum_c = np.float32(0.0)
        for j in range(LANES):
            adjoint = carry[n, j] + c * g_y[i, j] + gathered[at + n, j]
            faded = adjoint * decay[0, j]
            product = faded * kept[before + n, j]
            carry[n, j] = faded
            rate_gradient[n, j] += product * steps[i, j]
            through_rate[i, j] += product * rates[n, j]
            read[i, j] += adjoint * b
            sum_b += adjoint * writes[i, j]
            sum_c += g_y[i, j] * kept[at + n, j]
        put(g_B, g_at + n, sum_b)
        put(g_C, g_at + n, take(g_C, g_at + n) + sum_c)


@njit(
    f"void(i8, i8, {TOKENS * 5}f4[:, ::1], f4[::1], f4[::1], f4[::1], i8[::1], f4[::1], f4[::1], "
    "f4[::1], f4[::1], f4[::1], f4[:, :, ::1], f4[:, ::1], f4[:, ::1], f4[:, ::1], f4[::1], "
    "i8, i8, i8, i8, i8, b1)",
    **ENTRY,
)
def memory_backward(
    first, last, u, u_batch, u_row, delta, delta_batch, delta_row, B, B_batch, B_row,
    C, C_batch, C_row, g, g_batch, g_row, A, D, bias, gamma, index, weights,
    g_u, g_delta, g_B, g_C, g_A, g_D, g_bias, g_gamma, g_weights,
    channels, length, states, sequences, taps, reverse,
):  # fmt: skip
    """Arguments as in `memory_forward`; gradients of u and delta (B, L, channels).

    g_B, g_C (blocks, L, N) and g_weights (blocks, L, taps) receive one part a block, g_A
    (B, channels, N) and those of D, bias and gamma (B, channels) one a clip.
    """
    (
        rates, state, carry, rate_gradient, again, steps, writes, outputs, g_y, read, through,
        decay, row_of_g, received, gamma_sum, vectors, sums,
    ) = carve(
        (states, states, states, states, states, CHUNK, CHUNK, CHUNK, CHUNK, CHUNK, CHUNK,
         1, 1, 1, 1, 2, 2)
    )  # fmt: skip
    # One more state than there are tokens: that before the first, which is zero.
    kept, gathered, plain = carve(((length + 1) * states, length * states, length))
    group = channels // sequences
    parts = (group + LANES - 1) // LANES
    chunks = (length + CHUNK - 1) // CHUNK
    way = -1 if reverse else 1
    for block in range(first, last):
        clip, rest = block // (sequences * parts), block % (sequences * parts)
        sequence, part = rest // parts, rest % parts
        c0 = sequence * group + part * LANES
        width = min(LANES, group - part * LANES)
        for scratch in (
            state, carry, rate_gradient, steps, writes, g_y, row_of_g, received, gamma_sum,
            sums, gathered,
        ):  # fmt: skip
            scratch[:] = 0
        limit = load_weights(rates, vectors, A, D, bias, c0, width)
        keep_states(
            kept, plain, state, steps, writes, outputs, decay, rates, vectors, limit,
            u, clip * u_batch + c0, u_row, delta, clip * delta_batch + c0, delta_row,
            B, clip * B_batch, B_row, C, clip * C_batch, C_row, width, length, reverse,
        )  # fmt: skip
        for token in range(length):
            at = ((clip * length + token) * sequences + sequence) * taps
            c_at = clip * C_batch + token * C_row
            own = block * length + token
            _load_gradients(
                row_of_g, received, g, clip * g_batch + token * g_row + c0, gamma, c0, width
            )
            _read_again(
                again, received, row_of_g, gamma_sum, kept, index, weights, at, taps, C, c_at,
                g_C, own * states,
            )  # fmt: skip
            _give_to_states(
                gathered, received, kept, index, weights, at, taps, C, c_at, states, g_weights,
                own * taps,
            )  # fmt: skip
        for chunk in range(chunks - 1, -1, -1):
            t0 = chunk * CHUNK
            size = min(CHUNK, length - t0)
            row = length - 1 - t0 if reverse else t0
            u_at = clip * u_batch + row * u_row + c0
            delta_at = clip * delta_batch + row * delta_row + c0
            load_rows(
                steps, writes, delta, delta_at, way * delta_row, u, u_at, way * u_row, vectors,
                width, size, True,
            )  # fmt: skip
            small = AVX512 or all_within(steps, size, limit)
            for i in range(size - 1, -1, -1):
                token = row + way * i
                g_at = clip * g_batch + token * g_row + c0
                for j in range(width):
                    g_y[i, j] = take(g, g_at + j)
                before = length if t0 + i == 0 else token - way
                _step_back(
                    small, carry, rate_gradient, through, read, g_B, g_C,
                    (block * length + token) * states, kept, before * states, gathered,
                    token * states, decay, rates, steps, writes, g_y, i,
                    B, clip * B_batch + token * B_row, C, clip * C_batch + token * C_row,
                )  # fmt: skip
            input_gradients(
                g_u, g_delta, (clip * length + row) * channels + c0, way * channels, sums,
                through, read, steps, g_y, u, u_at, way * u_row, delta, delta_at,
                way * delta_row, vectors, width, size, True,
            )  # fmt: skip
        for j in range(width):
            g_bias[clip, c0 + j] = sums[1, j]
            g_D[clip, c0 + j] = sums[0, j]
            g_gamma[clip, c0 + j] = gamma_sum[0, j]
            for n in range(states):
                g_A[clip, c0 + j, n] = rate_gradient[n, j]
