"""Compiled kernels of the selective scan: one pass forward, one backward.

Tokens are read channel-last. A block is `LANES` channels of one clip: its N x LANES state stays
in the first-level cache, states are the middle loop and channels the innermost, vectorised one.
The backward kernel keeps no states from the forward pass: it runs the recurrence again, leaves a
checkpoint every `CHUNK` steps, and walks the chunks from the last to the first.
"""

import numpy as np
from numba import njit

from analysis.ops.vector_math import (
    FASTMATH,
    LOG2_E,
    assume_no_overlap,
    exp2,
    prefer_widest_vectors,
    prefetch,
    sigmoid,
    softplus,
)

LANES = 64
CHUNK = 32
AHEAD = 8

_OPTIONS = {"error_model": "numpy", "nogil": True, "cache": True, "fastmath": FASTMATH}
_INNERMOST = {"nogil": True, "fastmath": FASTMATH}
_INPUTS = "f4[::1], i8, i8, "
"""One token tensor (B, L, channels): its flat memory, batch stride and position stride."""
_PARTIAL = "f4[:, :, :, ::1], "
"""Gradient of B or C from each block of channels: (B, blocks, L, states)."""
_SHAPE = "i8, i8, i8, b1, b1, b1"
"""channels, length, states; has a gate; softplus on delta; last token first."""


@njit(inline="always")
def _aligned(count):
    """Zeroed float32 scratch on a cache-line boundary: a vector across two lines costs double."""
    memory = np.zeros(count + 16, np.float32)
    skip = (-memory.ctypes.data % 64) // 4
    return memory[skip : skip + count]


@njit(inline="always", fastmath=FASTMATH)
def _load_weights(rates, skip, offset, A, D, bias, first_channel, width, states):
    """The block's part of the weights; A times log2(e) as (states, LANES), 0 in empty lanes.

    Copies keep the channel loops free of computed indices, which would not vectorise.
    """
    rates[:] = 0
    for j in range(width):
        skip[j] = D[first_channel + j]
        offset[j] = bias[first_channel + j]
        for n in range(states):
            rates[n, j] = A[first_channel + j, n] * LOG2_E


@njit(inline="always")
def _prefetch_row(memory, clip, batch_stride, t, row_stride, first_channel, length, reverse):
    """Fetches a block's channels of a token some steps ahead of t: rows lie too far apart for
    the processor to foresee."""
    ahead = length - 1 - t - AHEAD if reverse else t + AHEAD
    at = clip * batch_stride + ahead * row_stride + first_channel
    for line in range(0, LANES, 16):
        prefetch(memory, at + line)


@njit(inline="always", fastmath=FASTMATH)
def _load_step(step, write, raw, u, offset, width, use_softplus):
    """Step size and step times input for one token."""
    for j in range(width):
        value = raw[j] + offset[j]
        if use_softplus:
            value = softplus(value)
        step[j] = value
        write[j] = value * u[j]


# The innermost loops stand in functions of their own because only there can LLVM be told that no
# two arrays overlap; without that it checks every pair, or does not vectorise at all.


@njit(**_INNERMOST)
def _advance(state, y, rates, step, write, B, C):
    """One token forward: the state decays, takes the input in, and is read out into y."""
    prefer_widest_vectors()
    assume_no_overlap()
    for n in range(len(B)):
        b, c = B[n], C[n]
        for j in range(LANES):
            value = exp2(step[j] * rates[n, j]) * state[n, j] + write[j] * b
            state[n, j] = value
            y[j] += c * value


@njit(**_INNERMOST)
def _carry_on(state, rates, step, write, B):
    """One token forward without a read-out."""
    prefer_widest_vectors()
    assume_no_overlap()
    for n in range(len(B)):
        b = B[n]
        for j in range(LANES):
            state[n, j] = exp2(step[j] * rates[n, j]) * state[n, j] + write[j] * b


@njit(**_INNERMOST)
def _advance_and_keep(now, decay, y, before, rates, step, write, B, C):
    """One token forward, keeping the new state and the decay for the way back."""
    prefer_widest_vectors()
    assume_no_overlap()
    for n in range(len(B)):
        b, c = B[n], C[n]
        for j in range(LANES):
            factor = exp2(step[j] * rates[n, j])
            value = factor * before[n, j] + write[j] * b
            decay[n, j] = factor
            now[n, j] = value
            y[j] += c * value


@njit(**_INNERMOST)
def _step_back(
    carry, rate_gradient, through_rate, read, g_B, g_C, now, before, decay, rates, step, write,
    g_y, B, C,
):  # fmt: skip
    """One token backward: `carry` is the gradient of the state that the token hands on."""
    prefer_widest_vectors()
    assume_no_overlap()
    for n in range(len(B)):
        b, c = B[n], C[n]
        sum_b = np.float32(0.0)
        sum_c = np.float32(0.0)
        for j in range(LANES):
            adjoint = carry[n, j] + c * g_y[j]
            faded = adjoint * decay[n, j]
            product = faded * before[n, j]
            carry[n, j] = faded
            rate_gradient[n, j] += product * step[j]
            through_rate[j] += product * rates[n, j]
            read[j] += adjoint * b
            sum_b += adjoint * write[j]
            sum_c += g_y[j] * now[n, j]
        g_B[n] = sum_b
        g_C[n] = sum_c


@njit(
    f"void(i8, i8, {_INPUTS * 5}f4[:, ::1], f4[::1], f4[::1], f4[::1], f4[:, :, ::1], {_SHAPE})",
    **_OPTIONS,
)
def scan_forward(
    first, last, u, u_batch, u_row, delta, delta_batch, delta_row, B, B_batch, B_row,
    C, C_batch, C_row, z, z_batch, z_row, A, D, bias, out, last_state,
    channels, length, states, gated, use_softplus, reverse,
):  # fmt: skip
    prefer_widest_vectors()
    rates = _aligned(states * LANES).reshape(states, LANES)
    state = _aligned(states * LANES).reshape(states, LANES)
    step, write, y = _aligned(LANES), _aligned(LANES), _aligned(LANES)
    skip, offset = _aligned(LANES), _aligned(LANES)
    blocks_a_clip = (channels + LANES - 1) // LANES
    for block in range(first, last):
        clip = block // blocks_a_clip
        c0 = (block % blocks_a_clip) * LANES
        width = min(LANES, channels - c0)
        state[:] = 0
        step[:] = 0
        write[:] = 0
        _load_weights(rates, skip, offset, A, D, bias, c0, width, states)
        for t in range(length):
            row = length - 1 - t if reverse else t
            _prefetch_row(u, clip, u_batch, t, u_row, c0, length, reverse)
            _prefetch_row(delta, clip, delta_batch, t, delta_row, c0, length, reverse)
            if gated:
                _prefetch_row(z, clip, z_batch, t, z_row, c0, length, reverse)
            at = clip * u_batch + row * u_row + c0
            inputs = u[at : at + width]
            at = clip * delta_batch + row * delta_row + c0
            _load_step(step, write, delta[at : at + width], inputs, offset, width, use_softplus)
            for j in range(width):
                y[j] = inputs[j] * skip[j]
            at_b = clip * B_batch + row * B_row
            at_c = clip * C_batch + row * C_row
            _advance(state, y, rates, step, write, B[at_b : at_b + states], C[at_c : at_c + states])
            at = (clip * length + row) * channels + c0
            target = out[at : at + width]
            if gated:
                at = clip * z_batch + row * z_row + c0
                gate = z[at : at + width]
                for j in range(width):
                    target[j] = y[j] * gate[j] * sigmoid(gate[j])
            else:
                for j in range(width):
                    target[j] = y[j]
        for n in range(states):
            for j in range(width):
                last_state[clip, c0 + j, n] = state[n, j]


@njit(
    f"void(i8, i8, {_INPUTS * 6}f4[:, ::1], f4[::1], f4[::1], f4[:, :, ::1], f4[::1], f4[::1], "
    f"f4[::1], {_PARTIAL}{_PARTIAL}f4[:, :, ::1], f4[:, ::1], f4[:, ::1], {_SHAPE})",
    **_OPTIONS,
)
def scan_backward(
    first, last, u, u_batch, u_row, delta, delta_batch, delta_row, B, B_batch, B_row,
    C, C_batch, C_row, z, z_batch, z_row, g, g_batch, g_row, A, D, bias, g_state,
    g_u, g_delta, g_z, g_B, g_C, g_A, g_D, g_bias,
    channels, length, states, gated, use_softplus, reverse,
):  # fmt: skip
    prefer_widest_vectors()
    chunks = (length + CHUNK - 1) // CHUNK
    tile = states * LANES
    rates = _aligned(tile).reshape(states, LANES)
    state = _aligned(tile).reshape(states, LANES)
    carry = _aligned(tile).reshape(states, LANES)
    rate_gradient = _aligned(tile).reshape(states, LANES)
    checkpoints = _aligned(chunks * tile).reshape(chunks, states, LANES)
    history = _aligned((CHUNK + 1) * tile).reshape(CHUNK + 1, states, LANES)
    decay = _aligned(CHUNK * tile).reshape(CHUNK, states, LANES)
    steps = _aligned(CHUNK * LANES).reshape(CHUNK, LANES)
    writes = _aligned(CHUNK * LANES).reshape(CHUNK, LANES)
    outputs = _aligned(CHUNK * LANES).reshape(CHUNK, LANES)
    g_y, read, through_rate = _aligned(LANES), _aligned(LANES), _aligned(LANES)
    step, write = _aligned(LANES), _aligned(LANES)
    skip, offset = _aligned(LANES), _aligned(LANES)
    g_skip, g_offset = _aligned(LANES), _aligned(LANES)
    blocks_a_clip = (channels + LANES - 1) // LANES
    for block in range(first, last):
        clip = block // blocks_a_clip
        part = block % blocks_a_clip
        c0 = part * LANES
        width = min(LANES, channels - c0)
        state[:] = 0
        rate_gradient[:] = 0
        step[:] = 0
        write[:] = 0
        steps[:] = 0
        writes[:] = 0
        g_y[:] = 0
        g_skip[:] = 0
        g_offset[:] = 0
        _load_weights(rates, skip, offset, A, D, bias, c0, width, states)
        for t in range((chunks - 1) * CHUNK):
            if t % CHUNK == 0:
                checkpoints[t // CHUNK] = state
            row = length - 1 - t if reverse else t
            _prefetch_row(u, clip, u_batch, t, u_row, c0, length, reverse)
            _prefetch_row(delta, clip, delta_batch, t, delta_row, c0, length, reverse)
            at = clip * u_batch + row * u_row + c0
            at_d = clip * delta_batch + row * delta_row + c0
            _load_step(
                step, write, delta[at_d : at_d + width], u[at : at + width], offset, width,
                use_softplus,
            )  # fmt: skip
            at_b = clip * B_batch + row * B_row
            _carry_on(state, rates, step, write, B[at_b : at_b + states])
        checkpoints[chunks - 1] = state
        carry[:] = 0
        for n in range(states):
            for j in range(width):
                carry[n, j] = g_state[clip, c0 + j, n]
        for chunk in range(chunks - 1, -1, -1):
            t0 = chunk * CHUNK
            size = min(CHUNK, length - t0)
            history[0] = checkpoints[chunk]
            for i in range(size):
                row = length - 1 - t0 - i if reverse else t0 + i
                at = clip * u_batch + row * u_row + c0
                inputs = u[at : at + width]
                at = clip * delta_batch + row * delta_row + c0
                _load_step(
                    steps[i], writes[i], delta[at : at + width], inputs, offset, width,
                    use_softplus,
                )  # fmt: skip
                for j in range(width):
                    outputs[i, j] = inputs[j] * skip[j]
                at_b = clip * B_batch + row * B_row
                at_c = clip * C_batch + row * C_row
                _advance_and_keep(
                    history[i + 1], decay[i], outputs[i], history[i], rates, steps[i], writes[i],
                    B[at_b : at_b + states], C[at_c : at_c + states],
                )  # fmt: skip
            for i in range(size - 1, -1, -1):
                row = length - 1 - t0 - i if reverse else t0 + i
                at = clip * u_batch + row * u_row + c0
                inputs = u[at : at + width]
                at = clip * g_batch + row * g_row + c0
                upstream = g[at : at + width]
                at_out = (clip * length + row) * channels + c0
                if gated:
                    at = clip * z_batch + row * z_row + c0
                    gate = z[at : at + width]
                    gate_gradient = g_z[at_out : at_out + width]
                    for j in range(width):
                        s = sigmoid(gate[j])
                        slope = s * (np.float32(1.0) + gate[j] * (np.float32(1.0) - s))
                        gate_gradient[j] = upstream[j] * outputs[i, j] * slope
                        g_y[j] = upstream[j] * gate[j] * s
                else:
                    for j in range(width):
                        g_y[j] = upstream[j]
                read[:] = 0
                through_rate[:] = 0
                at_b = clip * B_batch + row * B_row
                at_c = clip * C_batch + row * C_row
                _step_back(
                    carry, rate_gradient, through_rate, read, g_B[clip, part, row],
                    g_C[clip, part, row], history[i + 1], history[i], decay[i], rates, steps[i],
                    writes[i], g_y, B[at_b : at_b + states], C[at_c : at_c + states],
                )  # fmt: skip
                g_inputs = g_u[at_out : at_out + width]
                g_step = g_delta[at_out : at_out + width]
                at = clip * delta_batch + row * delta_row + c0
                raw = delta[at : at + width]
                for j in range(width):
                    g_inputs[j] = read[j] * steps[i, j] + g_y[j] * skip[j]
                    # `rates` hold A log2(e); the derivative of the decay needs A itself.
                    value = through_rate[j] / LOG2_E + read[j] * inputs[j]
                    if use_softplus:
                        value *= sigmoid(raw[j] + offset[j])
                    g_step[j] = value
                    g_offset[j] += value
                    g_skip[j] += g_y[j] * inputs[j]
        for j in range(width):
            g_bias[clip, c0 + j] = g_offset[j]
            g_D[clip, c0 + j] = g_skip[j]
        for n in range(states):
            for j in range(width):
                g_A[clip, c0 + j, n] = rate_gradient[n, j]
