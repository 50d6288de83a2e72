"""Compiled kernels of the selective scan: one pass forward, one backward.

Tokens are read channel-last. A block is `LANES` channels of one clip, worked on in chunks of
`CHUNK` tokens: its N x LANES state and a chunk's step sizes stay in the first-level cache, states
are the middle loop and channels the innermost, vectorised one. The backward kernel keeps no states
from the forward pass: it runs the recurrence again, leaves a checkpoint every chunk, and walks the
chunks from the last to the first. `g_B` and `g_C` receive one part per block of channels, (B,
blocks, L, states) in flat memory.
"""

import numpy as np
from numba import njit

from analysis.ops.decay_rows import AVX512, LANES, decay_row
from analysis.ops.selective_scan.cpu_rows import (
    all_within,
    carve,
    finish_rows,
    gate_gradients,
    input_gradients,
    load_rows,
    load_weights,
    prefetch_row,
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

CHUNK = 16

_OPTIONS = COMPILED | {"fastmath": FASTMATH}
_ENTRY = _OPTIONS | {"cache": True}
_INPUTS = "f4[::1], i8, i8, "
"""One token tensor (B, L, channels): its flat memory, batch stride and position stride."""
_SHAPE = "i8, i8, i8, b1, b1, b1"
"""channels, length, states; has a gate; softplus on delta; last token first."""

# The innermost loops stand in functions of their own because only there can LLVM be told that no
# two arrays overlap; without that it checks every pair, or does not vectorise at all. `small` is
# what `decay_row` asks for; AVX-512 needs no answer.


@njit(**_OPTIONS)
def advance(small, state, outputs, decay, i, rates, steps, writes, B, b_at, C, c_at):
    """Token i of a chunk forward: the state decays, takes the input in, and is read out."""
    inline_into_caller()
    prefer_widest_vectors()
    assume_no_overlap()
    for n in range(len(rates)):
        b, c = take(B, b_at + n), take(C, c_at + n)
        decay_row(decay, 0, steps, i, rates, n, small)
        for j in range(LANES):
            value = decay[0, j] * state[n, j] + writes[i, j] * b
            state[n, j] = value
            outputs[i, j] += c * value


@njit(**_OPTIONS)
def _carry_on(small, state, decay, rates, steps, writes, B, b_at, b_row, size):
    """A chunk forward without a read-out."""
    prefer_widest_vectors()
    assume_no_overlap()
    for i in range(size):
        for n in range(len(rates)):
            b = take(B, b_at + i * b_row + n)
            decay_row(decay, 0, steps, i, rates, n, small)
            for j in range(LANES):
                state[n, j] = decay[0, j] * state[n, j] + writes[i, j] * b


@njit(**_OPTIONS)
def _advance_and_keep(
    small, state, outputs, history, decay, rates, steps, writes, B, b_at, b_row, C, c_at, c_row,
    size,
):  # fmt: skip
    """A chunk forward, keeping every state (after its token) and every decay for the way back."""
    prefer_widest_vectors()
    assume_no_overlap()
    for i in range(size):
        for n in range(len(rates)):
            b, c = take(B, b_at + i * b_row + n), take(C, c_at + i * c_row + n)
            row = i * len(rates) + n
            decay_row(decay, row, steps, i, rates, n, small)
            for j in range(LANES):
                value = decay[row, j] * state[n, j] + writes[i, j] * b
                state[n, j] = value
                history[i + 1, n, j] = value
                outputs[i, j] += c * value


@njit(**COMPILED, fastmath=FASTMATH | {"reassoc"})
def _step_back(
    carry, rate_gradient, through_rate, read, g_B, g_C, g_at, g_row, history, decay, rates, steps,
    writes, g_y, B, b_at, b_row, C, c_at, c_row, size,
):  # fmt: skip
    """A chunk backward: `carry` is the gradient of the state that a token hands on."""
    prefer_widest_vectors()
    assume_no_overlap()
    for i in range(size - 1, -1, -1):
        for j in range(LANES):
            through_rate[i, j] = 0
            read[i, j] = 0
        for n in range(len(rates)):
            b, c = take(B, b_at + i * b_row + n), take(C, c_at + i * c_row + n)
            sum_b = np.float32(0.0)
            sum_c = np.float32(0.0)
            for j in range(LANES):
                adjoint = carry[n, j] + c * g_y[i, j]
                faded = adjoint * decay[i, n, j]
                product = faded * history[i, n, j]
                carry[n, j] = faded
                rate_gradient[n, j] += product * steps[i, j]
                through_rate[i, j] += product * rates[n, j]
                read[i, j] += adjoint * b
                sum_b += adjoint * writes[i, j]
                sum_c += g_y[i, j] * history[i + 1, n, j]
            put(g_B, g_at + i * g_row + n, sum_b)
            put(g_C, g_at + i * g_row + n, sum_c)


@njit(
    f"void(i8, i8, {_INPUTS * 5}f4[:, ::1], f4[::1], f4[::1], f4[::1], f4[:, :, ::1], {_SHAPE})",
    **_ENTRY,
)
def scan_forward(
    first, last, u, u_batch, u_row, delta, delta_batch, delta_row, B, B_batch, B_row,
    C, C_batch, C_row, z, z_batch, z_row, A, D, bias, out, last_state,
    channels, length, states, gated, use_softplus, reverse,
):  # fmt: skip
    rates, state, steps, writes, outputs, decay, vectors = carve(
        (states, states, CHUNK, CHUNK, CHUNK, 1, 2)
    )
    skip, offset = vectors[0], vectors[1]
    blocks_a_clip = (channels + LANES - 1) // LANES
    way = -1 if reverse else 1
    for block in range(first, last):
        clip = block // blocks_a_clip
        c0 = (block % blocks_a_clip) * LANES
        width = min(LANES, channels - c0)
        state[:] = 0
        steps[:] = 0
        writes[:] = 0
        limit = load_weights(rates, skip, offset, A, D, bias, c0, width)
        for t0 in range(0, length, CHUNK):
            size = min(CHUNK, length - t0)
            row = length - 1 - t0 if reverse else t0
            u_at = clip * u_batch + row * u_row + c0
            delta_at = clip * delta_batch + row * delta_row + c0
            z_at = clip * z_batch + row * z_row + c0
            b_at, c_at = clip * B_batch + row * B_row, clip * C_batch + row * C_row
            load_rows(
                steps, writes, outputs, delta, delta_at, way * delta_row, u, u_at, way * u_row,
                skip, offset, width, size, use_softplus,
            )  # fmt: skip
            small = AVX512 or all_within(steps, size, limit)
            for i in range(size):
                prefetch_row(u, u_at + way * (i + CHUNK) * u_row)
                prefetch_row(delta, delta_at + way * (i + CHUNK) * delta_row)
                prefetch_row(z, z_at + way * i * z_row)
                prefetch_row(out, (clip * length + row + way * i) * channels + c0)
                b_i, c_i = b_at + way * i * B_row, c_at + way * i * C_row
                advance(small, state, outputs, decay, i, rates, steps, writes, B, b_i, C, c_i)
            finish_rows(
                out, (clip * length + row) * channels + c0, way * channels, outputs, z, z_at,
                way * z_row, width, size, gated,
            )  # fmt: skip
        for n in range(states):
            for j in range(width):
                last_state[clip, c0 + j, n] = state[n, j]


@njit(
    f"void(i8, i8, {_INPUTS * 6}f4[:, ::1], f4[::1], f4[::1], f4[:, :, ::1], f4[::1], f4[::1], "
    f"f4[::1], f4[::1], f4[::1], f4[:, :, ::1], f4[:, ::1], f4[:, ::1], {_SHAPE})",
    **_ENTRY,
)
def scan_backward(
    first, last, u, u_batch, u_row, delta, delta_batch, delta_row, B, B_batch, B_row,
    C, C_batch, C_row, z, z_batch, z_row, g, g_batch, g_row, A, D, bias, g_state,
    g_u, g_delta, g_z, g_B, g_C, g_A, g_D, g_bias,
    channels, length, states, gated, use_softplus, reverse,
):  # fmt: skip
    chunks = (length + CHUNK - 1) // CHUNK
    rates, state, carry, rate_gradient, steps, writes, outputs, g_y, read, through, vectors = carve(
        (states, states, states, states, CHUNK, CHUNK, CHUNK, CHUNK, CHUNK, CHUNK, 4)
    )
    skip, offset, g_skip, g_offset = vectors[0], vectors[1], vectors[2], vectors[3]
    kept, past, fades = carve((chunks * states, (CHUNK + 1) * states, CHUNK * states))
    checkpoints = kept.reshape(chunks, states, LANES)
    history = past.reshape(CHUNK + 1, states, LANES)
    decay = fades.reshape(CHUNK, states, LANES)
    blocks_a_clip = (channels + LANES - 1) // LANES
    way = -1 if reverse else 1
    for block in range(first, last):
        clip = block // blocks_a_clip
        part = block % blocks_a_clip
        c0 = part * LANES
        width = min(LANES, channels - c0)
        for scratch in (state, rate_gradient, steps, writes, g_y, vectors):
            scratch[:] = 0
        limit = load_weights(rates, skip, offset, A, D, bias, c0, width)
        for chunk in range(chunks - 1):
            checkpoints[chunk] = state
            row = length - 1 - chunk * CHUNK if reverse else chunk * CHUNK
            load_rows(
                steps, writes, outputs, delta, clip * delta_batch + row * delta_row + c0,
                way * delta_row, u, clip * u_batch + row * u_row + c0, way * u_row, skip, offset,
                width, CHUNK, use_softplus,
            )  # fmt: skip
            small = AVX512 or all_within(steps, CHUNK, limit)
            b_at = clip * B_batch + row * B_row
            _carry_on(small, state, fades, rates, steps, writes, B, b_at, way * B_row, CHUNK)
        checkpoints[chunks - 1] = state
        carry[:] = 0
        for n in range(states):
            for j in range(width):
                carry[n, j] = g_state[clip, c0 + j, n]
        for chunk in range(chunks - 1, -1, -1):
            t0 = chunk * CHUNK
            size = min(CHUNK, length - t0)
            row = length - 1 - t0 if reverse else t0
            u_at = clip * u_batch + row * u_row + c0
            delta_at = clip * delta_batch + row * delta_row + c0
            b_at, c_at = clip * B_batch + row * B_row, clip * C_batch + row * C_row
            out_at = (clip * length + row) * channels + c0
            load_rows(
                steps, writes, outputs, delta, delta_at, way * delta_row, u, u_at, way * u_row,
                skip, offset, width, size, use_softplus,
            )  # fmt: skip
            state[:] = checkpoints[chunk]
            history[0] = state
            small = AVX512 or all_within(steps, size, limit)
            _advance_and_keep(
                small, state, outputs, history, fades, rates, steps, writes, B, b_at, way * B_row,
                C, c_at, way * C_row, size,
            )  # fmt: skip
            gate_gradients(
                g_y, g_z, out_at, way * channels, g, clip * g_batch + row * g_row + c0,
                way * g_row, z, clip * z_batch + row * z_row + c0, way * z_row, outputs, width,
                size, gated,
            )  # fmt: skip
            _step_back(
                carry, rate_gradient, through, read, g_B, g_C,
                ((clip * blocks_a_clip + part) * length + row) * states, way * states, history,
                decay, rates, steps, writes, g_y, B, b_at, way * B_row, C, c_at, way * C_row, size,
            )  # fmt: skip
            input_gradients(
                g_u, g_delta, out_at, way * channels, g_skip, g_offset, through, read, steps, g_y,
                u, u_at, way * u_row, delta, delta_at, way * delta_row, skip, offset, width, size,
                use_softplus,
            )  # fmt: skip
        for j in range(width):
            g_bias[clip, c0 + j] = g_offset[j]
            g_D[clip, c0 + j] = g_skip[j]
            for n in range(states):
                g_A[clip, c0 + j, n] = rate_gradient[n, j]
