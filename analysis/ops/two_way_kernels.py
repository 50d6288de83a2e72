"""Compiled kernels of a mixer's two directions at once, for inference.

They do what the kernels of the convolution, the scan and the gate do one after the other, with
fewer passes over memory: the convolution reads its input once, step sizes are made where they are
used, and the scan from the last token adds to the other's output and gates the sum. Token tensors
are channel-last; those with a leading axis of two hold the direction from the first token, then
the one from the last. Blocks of the scan are those of `selective_scan.cpu_kernels`.
"""

import math

import numpy as np
from numba import njit

from analysis.ops.avx512 import AVX512
from analysis.ops.causal_conv_kernels import activate, add_taps
from analysis.ops.lane_code import LANES
from analysis.ops.low_rank_steps import low_rank_steps
from analysis.ops.selective_scan.cpu_recurrence import advance
from analysis.ops.selective_scan.cpu_rows import CHUNK, all_within, carve, prefetch_row
from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
    LARGEST_EXPONENT,
    LOG2_E,
    approximate_division,
    assume_no_overlap,
    prefer_widest_vectors,
    put,
    sigmoid,
    take,
)

_OPTIONS = COMPILED | {"fastmath": FASTMATH}
_ENTRY = _OPTIONS | {"cache": True}


@njit(
    "void(i8, i8, f4[::1], i8, i8, f4[:, :, ::1], f4[:, ::1], f4[::1], i8, i8, i8, i8)",
    **_ENTRY,
)
def conv_two_way(
    first, last, x, x_batch, x_row, weight, bias, out, batch, channels, length, part_length
):
    """Convolution and SiLU in both directions; `weight` (2, taps, E), `out` (2, B, L, E).

    Blocks are runs of `part_length` positions of one clip.
    """
    approximate_division()
    taps = weight.shape[1]
    parts = (length + part_length - 1) // part_length
    (rows,) = carve(((channels + LANES - 1) // LANES,))
    total = rows.reshape(-1)
    for block in range(first, last):
        clip = block // parts
        start = (block % parts) * part_length
        for way in range(2):
            row = -x_row if way else x_row
            taps_of_way, bias_of_way = weight[way], bias[way]
            for t in range(start, min(start + part_length, length)):
                before = length - 1 - t if way else t
                at = clip * x_batch + t * x_row
                first_tap = max(0, taps - 1 - before)
                add_taps(total, x, at, row, taps_of_way, bias_of_way, first_tap, channels)
                target = ((way * batch + clip) * length + t) * channels
                activate(out, target, total, channels, True)


@njit(**_OPTIONS)
def _load_weights(rates, step_weight, skip, offset, A_log, step_weights, bias, D, c0, width):
    """A block's weights of one direction, 0 in empty lanes; returns what `load_weights` does."""
    rates[:] = 0
    step_weight[:] = 0
    skip[:] = 0
    offset[:] = 0
    fastest = np.float32(0.0)
    for j in range(width):
        skip[0, j], offset[0, j] = D[c0 + j], bias[c0 + j]
        for r in range(len(step_weight)):
            step_weight[r, j] = step_weights[c0 + j, r]
        for n in range(len(rates)):
            rate = np.float32(math.exp(A_log[c0 + j, n])) * LOG2_E
            rates[n, j] = -rate
            fastest = max(fastest, rate)
    return LARGEST_EXPONENT / fastest


@njit(**_OPTIONS)
def _load_chunk(writes, skipped, steps, skip, u, u_at, u_row, width, size):
    """Steps times inputs, and what inputs add to outputs past the scan."""
    prefer_widest_vectors()
    assume_no_overlap()
    for i in range(size):
        at = u_at + i * u_row
        prefetch_row(u, at + CHUNK * u_row)
        for j in range(width):
            value = take(u, at + j)
            writes[i, j] = steps[i, j] * value
            skipped[i, j] = value * skip[0, j]


@njit(**_OPTIONS)
def _store_chunk(out, at, row, outputs, skipped, z, z_at, z_row, width, size, last_way):
    """The first direction's outputs as they are; the second adds its own and gates the sum."""
    prefer_widest_vectors()
    approximate_division()
    assume_no_overlap()
    for i in range(size):
        target, gate_at = at + i * row, z_at + i * z_row
        if last_way:
            prefetch_row(out, target + CHUNK * row)
            prefetch_row(z, gate_at + CHUNK * z_row)
            for j in range(width):
                gate = take(z, gate_at + j)
                both = take(out, target + j) + (outputs[i, j] + skipped[i, j])
                put(out, target + j, both * (gate * sigmoid(gate)))
        else:
            for j in range(width):
                put(out, target + j, outputs[i, j] + skipped[i, j])


@njit(
    "void(i8, i8, f4[::1], f4[::1], f4[::1], i8, i8, f4[:, :, ::1], f4[:, :, ::1], f4[:, ::1], "
    "f4[:, ::1], i8, i8, i8)",
    **_ENTRY,
)
def scan_two_way(
    first, last, u, selection, z, z_batch, z_row, A_log, step_weights, bias, D,
    batch, channels, length,
):  # fmt: skip
    """(scan + scan from the last token) * silu(z), written over the first half of `u`.

    u (2, B, L, E); selection (2, B, L, R + 2 N) holds low-rank step sizes, B and C;
    A_log (2, E, N), step_weights (2, E, R), bias and D (2, E).
    """
    states, rank = A_log.shape[2], step_weights.shape[2]
    chosen = rank + 2 * states
    rates, state, step_weight, steps, writes, skipped, outputs, decay, skip, offset = carve(
        (states, states, rank, CHUNK, CHUNK, CHUNK, CHUNK, 1, 1, 1)
    )
    blocks_a_clip = (channels + LANES - 1) // LANES
    for block in range(first, last):
        clip = block // blocks_a_clip
        c0 = (block % blocks_a_clip) * LANES
        width = min(LANES, channels - c0)
        writes[:] = 0
        for way in range(2):
            state[:] = 0
            limit = _load_weights(
                rates, step_weight, skip, offset, A_log[way], step_weights[way], bias[way], D[way],
                c0, width,
            )  # fmt: skip
            move = -1 if way else 1
            s_row, u_row = move * chosen, move * channels
            for t0 in range(0, length, CHUNK):
                size = min(CHUNK, length - t0)
                row = clip * length + (length - 1 - t0 if way else t0)
                out_at = row * channels + c0
                u_at = out_at + way * batch * length * channels
                z_at = clip * z_batch + (row - clip * length) * z_row + c0
                s_at = (way * batch * length + row) * chosen
                low_rank_steps(steps, selection, s_at, s_row, step_weight, offset, size)
                _load_chunk(writes, skipped, steps, skip, u, u_at, u_row, width, size)
                small = AVX512 or all_within(steps, size, limit)
                b_at = s_at + rank
                advance(
                    small, rates, states, state, outputs, decay, steps, writes,
                    selection, b_at, s_row, selection, b_at + states, s_row, size,
                )  # fmt: skip
                _store_chunk(
                    u,
                    out_at,
                    u_row,
                    outputs,
                    skipped,
                    z,
                    z_at,
                    move * z_row,
                    width,
                    size,
                    way == 1,
                )
