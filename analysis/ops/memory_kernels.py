"""Compiled kernel of a scan whose tokens read selected states of others, forward.

Tokens are read channel-last. A block is `LANES` channels of one memory sequence of one clip: its
states after every token are kept while they are being read, (L, N, LANES), and then forgotten.
"""

from numba import njit

from analysis.ops.avx512 import AVX512
from analysis.ops.decay_rows import decay_row
from analysis.ops.lane_code import LANES
from analysis.ops.selective_scan.cpu_rows import CHUNK, all_within, carve, load_rows, load_weights
from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
    assume_no_overlap,
    inline_into_caller,
    prefer_widest_vectors,
    put,
    take,
)

OPTIONS = COMPILED | {"fastmath": FASTMATH}
ENTRY = OPTIONS | {"cache": True}
TOKENS = "f4[::1], i8, i8, "
"""One token tensor (B, L, channels): its flat memory, batch stride and position stride."""


@njit(**OPTIONS)
def _advance_and_keep(
    small, state, kept, kept_at, outputs, decay, i, rates, steps, writes, B, b_at, C, c_at
):
    """Token i of a chunk: the state decays, takes the input in, is read out and remembered."""
    inline_into_caller()
    prefer_widest_vectors()
    assume_no_overlap()
    for j in range(LANES):
        outputs[i, j] = 0
    for n in range(len(rates)):
        b, c = take(B, b_at + n), take(C, c_at + n)
        decay_row(decay, 0, steps, i, rates, n, small)
        for j in range(LANES):
            value = decay[0, j] * state[n, j] + writes[i, j] * b
            state[n, j] = value
            kept[kept_at + n, j] = value
            outputs[i, j] += c * value


@njit(**OPTIONS)
def keep_states(
    kept, plain, state, steps, writes, outputs, decay, rates, vectors, limit,
    u, u_at, u_row, delta, delta_at, delta_row, B, b_at, b_row, C, c_at, c_row,
    width, length, reverse,
):  # fmt: skip
    """The recurrence of a block over all tokens: their states, (L, N) rows of `kept`, and what they
    read out themselves, (L) rows of `plain`. Token tensors lie at the first token of the clip."""
    way = -1 if reverse else 1
    states = len(rates)
    for t0 in range(0, length, CHUNK):
        size = min(CHUNK, length - t0)
        row = length - 1 - t0 if reverse else t0
        load_rows(
            steps, writes, delta, delta_at + row * delta_row, way * delta_row,
            u, u_at + row * u_row, way * u_row, vectors, width, size, True,
        )  # fmt: skip
        small = AVX512 or all_within(steps, size, limit)
        for i in range(size):
            token = row + way * i
            _advance_and_keep(
                small, state, kept, token * states, outputs, decay, i, rates, steps, writes,
                B, b_at + token * b_row, C, c_at + token * c_row,
            )  # fmt: skip
            plain[token] = outputs[i]


@njit(**OPTIONS)
def _remember(memory, kept, index, weights, at, taps, C, c_at, states):
    """What a token's C reads from the kept states of `taps` tokens, each with its weight."""
    inline_into_caller()
    prefer_widest_vectors()
    assume_no_overlap()
    for j in range(LANES):
        memory[0, j] = 0
    for tap in range(taps):
        weight, row = take(weights, at + tap), take(index, at + tap) * states
        for n in range(states):
            share = weight * take(C, c_at + n)
            for j in range(LANES):
                memory[0, j] += share * kept[row + n, j]


@njit(
    f"void(i8, i8, {TOKENS * 4}f4[:, ::1], f4[::1], f4[::1], f4[::1], i8[::1], f4[::1], f4[::1], "
    "i8, i8, i8, i8, i8, b1)",
    **ENTRY,
)
def memory_forward(
    first, last, u, u_batch, u_row, delta, delta_batch, delta_row, B, B_batch, B_row,
    C, C_batch, C_row, A, D, bias, gamma, index, weights, out,
    channels, length, states, sequences, taps, reverse,
):  # fmt: skip
    """index and weights (B, L, S, taps), `out` (B, L, channels); softplus makes step sizes."""
    rates, state, steps, writes, outputs, decay, memory, vectors, kept, plain = carve(
        (states, states, CHUNK, CHUNK, CHUNK, 1, 1, 2, length * states, length)
    )
    skip = vectors[0]
    group = channels // sequences
    parts = (group + LANES - 1) // LANES
    for block in range(first, last):
        clip, rest = block // (sequences * parts), block % (sequences * parts)
        sequence, part = rest // parts, rest % parts
        c0 = sequence * group + part * LANES
        width = min(LANES, group - part * LANES)
        for scratch in (state, steps, writes):
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
            _remember(memory, kept, index, weights, at, taps, C, c_at, states)
            out_at = (clip * length + token) * channels + c0
            u_at = clip * u_batch + token * u_row + c0
            for j in range(width):
                y = plain[token, j] + take(u, u_at + j) * skip[j]
                put(out, out_at + j, y + gamma[c0 + j] * memory[0, j])
