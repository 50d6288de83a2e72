"""Compiled kernels of the selective scan: one pass forward, one backward.

Tokens are read channel-last. A block is `LANES` channels of one clip, worked on in chunks of
`CHUNK` tokens: its N x LANES state and a chunk's step sizes stay in the first-level cache. The
backward kernel keeps no states from the forward pass: it runs the recurrence again, leaves a
checkpoint every chunk, and walks the chunks from the last to the first. `g_B` and `g_C` receive one
part per block of channels, (B, blocks, L, states) in flat memory.
"""

from numba import njit

from analysis.ops.avx512 import AVX512
from analysis.ops.lane_code import LANES
from analysis.ops.selective_scan.cpu_recurrence import (
    CHANNELS,
    advance,
    advance_and_keep,
    carry_on,
)
from analysis.ops.selective_scan.cpu_recurrence_back import step_back
from analysis.ops.selective_scan.cpu_rows import (
    CHUNK,
    all_within,
    carve,
    finish_rows,
    gate_gradients,
    input_gradients,
    load_rows,
    load_weights,
    output_gradients,
)
from analysis.ops.vector_math import COMPILED, FASTMATH

_ENTRY = COMPILED | {"fastmath": FASTMATH, "cache": True}
_INPUTS = "f4[::1], i8, i8, "
"""One token tensor (B, L, channels): its flat memory, batch stride and position stride."""
_SHAPE = "i8, i8, i8, b1, b1, b1"
"""channels, length, states; has a gate; softplus on delta; last token first."""


@njit(
    f"void(i8, i8, {_INPUTS * 5}f4[:, ::1], f4[::1], f4[::1], f4[::1], f4[:, :, ::1], {_SHAPE})",
    **_ENTRY,
)
def scan_forward(
    first, last, u, u_batch, u_row, delta, delta_batch, delta_row, B, B_batch, B_row,
    C, C_batch, C_row, z, z_batch, z_row, A, D, bias, out, last_state,
    channels, length, states, gated, use_softplus, reverse,
):  # fmt: skip
    rates, state, vectors, steps, writes, outputs, decay = carve(
        (states, states, 2, CHUNK, CHUNK, CHUNK, 1)
    )
    blocks_a_clip = (channels + LANES - 1) // LANES
    way = -1 if reverse else 1
    for block in range(first, last):
        clip, c0 = block // blocks_a_clip, block % blocks_a_clip * LANES
        width = min(LANES, channels - c0)
        state[:], writes[:] = 0, 0
        limit = load_weights(rates, vectors, A, D, bias, c0, width)
        for t0 in range(0, length, CHUNK):
            size = min(CHUNK, length - t0)
            row = length - 1 - t0 if reverse else t0
            u_at = clip * u_batch + row * u_row + c0
            load_rows(
                steps, writes, delta, clip * delta_batch + row * delta_row + c0, way * delta_row,
                u, u_at, way * u_row, vectors, width, size, use_softplus,
            )  # fmt: skip
            small = AVX512 or all_within(steps, size, limit)
            advance(
                small, rates, states, state, outputs, decay, steps, writes,
                B, clip * B_batch + row * B_row, way * B_row,
                C, clip * C_batch + row * C_row, way * C_row, size,
            )  # fmt: skip
            finish_rows(
                out, (clip * length + row) * channels + c0, way * channels, outputs, u, u_at,
                way * u_row, vectors, z, clip * z_batch + row * z_row + c0, way * z_row,
                width, size, gated,
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
    rates, carry, rate_gradient, steps, writes, outputs, g_y, read, through, vectors, sums = carve(
        (states, states, states, CHUNK, CHUNK, CHUNK, CHUNK, CHUNK, CHUNK, 2, 2)
    )
    kept, history, decay = carve((chunks * states, (CHUNK + 1) * states, CHUNK * states))
    blocks_a_clip = (channels + LANES - 1) // LANES
    way = -1 if reverse else 1
    for block in range(first, last):
        clip, c0 = block // blocks_a_clip, block % blocks_a_clip * LANES
        width = min(LANES, channels - c0)
        for scratch in (carry, rate_gradient, steps, writes, g_y, sums):
            scratch[:] = 0
        kept[:states] = 0
        limit = load_weights(rates, vectors, A, D, bias, c0, width)
        for chunk in range(chunks - 1):
            row = length - 1 - chunk * CHUNK if reverse else chunk * CHUNK
            load_rows(
                steps, writes, delta, clip * delta_batch + row * delta_row + c0,
                way * delta_row, u, clip * u_batch + row * u_row + c0, way * u_row, vectors,
                width, CHUNK, use_softplus,
            )  # fmt: skip
            small = AVX512 or all_within(steps, CHUNK, limit)
            carry_on(
                small, rates, states, kept, chunk * states, (chunk + 1) * states, decay, steps,
                writes, B, clip * B_batch + row * B_row, way * B_row, CHUNK,
            )  # fmt: skip
        for n in range(states):
            for j in range(width):
                carry[n, j] = g_state[clip, c0 + j, n]
        for chunk in range(chunks - 1, -1, -1):
            t0 = chunk * CHUNK
            size = min(CHUNK, length - t0)
            row = length - 1 - t0 if reverse else t0
            u_at = clip * u_batch + row * u_row + c0
            delta_at = clip * delta_batch + row * delta_row + c0
            g_at, z_at = clip * g_batch + row * g_row + c0, clip * z_batch + row * z_row + c0
            b_at, c_at = clip * B_batch + row * B_row, clip * C_batch + row * C_row
            out_at = (clip * length + row) * channels + c0
            load_rows(
                steps, writes, delta, delta_at, way * delta_row, u, u_at, way * u_row, vectors,
                width, size, use_softplus,
            )  # fmt: skip
            output_gradients(g_y, g, g_at, way * g_row, z, z_at, way * z_row, width, size, gated)
            small = AVX512 or all_within(steps, size, limit)
            for lane in range(0, LANES, CHANNELS):
                advance_and_keep(
                    small, lane, rates, states, kept, chunk * states, outputs, history, decay,
                    steps, writes, B, b_at, way * B_row, C, c_at, way * C_row, size,
                )  # fmt: skip
                step_back(
                    lane, states, rates, rate_gradient, carry, through, read, g_B, g_C,
                    (block * length + row) * states, way * states, history, decay,
                    steps, writes, g_y, B, b_at, way * B_row, C, c_at, way * C_row, size,
                )  # fmt: skip
            if gated:
                gate_gradients(
                    g_z, out_at, way * channels, g, g_at, way * g_row, z, z_at, way * z_row,
                    outputs, u, u_at, way * u_row, vectors, width, size,
                )  # fmt: skip
            input_gradients(
                g_u, g_delta, out_at, way * channels, sums, through, read, steps, g_y, u, u_at,
                way * u_row, delta, delta_at, way * delta_row, vectors, width, size,
                use_softplus,
            )  # fmt: skip
        for j in range(width):
            g_D[clip, c0 + j], g_bias[clip, c0 + j] = sums[0, j], sums[1, j]
            for n in range(states):
                g_A[clip, c0 + j, n] = rate_gradient[n, j]
