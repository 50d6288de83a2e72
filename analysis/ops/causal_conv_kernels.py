"""Compiled kernels of the depthwise causal convolution, channel-last, forward and backward."""

import numpy as np
from numba import njit

from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
    approximate_division,
    assume_no_overlap,
    prefer_widest_vectors,
    put,
    sigmoid,
    silu_slope,
    take,
)

_OPTIONS = COMPILED | {"fastmath": FASTMATH}
_ENTRY = _OPTIONS | {"cache": True}


@njit(**_OPTIONS)
def add_taps(total, x, at, row, weight, bias, first_tap, channels):
    """The sums of one token over the taps from `first_tap` on; `at` is the token's own place."""
    prefer_widest_vectors()
    assume_no_overlap()
    taps = len(weight)
    if taps == 4 and first_tap == 0:
        for j in range(channels):
            total[j] = (
                bias[j]
                + weight[0, j] * take(x, at - 3 * row + j)
                + weight[1, j] * take(x, at - 2 * row + j)
                + weight[2, j] * take(x, at - row + j)
                + weight[3, j] * take(x, at + j)
            )
        return
    for j in range(channels):
        total[j] = bias[j]
    for k in range(first_tap, taps):
        source = at - (taps - 1 - k) * row
        for j in range(channels):
            total[j] += weight[k, j] * take(x, source + j)


@njit(**_OPTIONS)
def activate(out, at, total, channels, silu):
    """Writes one token's sums, through SiLU where it is asked for."""
    prefer_widest_vectors()
    approximate_division()
    assume_no_overlap()
    if silu:
        for j in range(channels):
            put(out, at + j, total[j] * sigmoid(total[j]))
    else:
        for j in range(channels):
            put(out, at + j, total[j])


@njit(**_OPTIONS)
def _gradient_before_silu(g_total, at, g, g_at, total, channels, silu):
    prefer_widest_vectors()
    assume_no_overlap()
    if silu:
        for j in range(channels):
            s = sigmoid(total[j])
            put(g_total, at + j, take(g, g_at + j) * silu_slope(total[j], s))
    else:
        for j in range(channels):
            put(g_total, at + j, take(g, g_at + j))


@njit(**_OPTIONS)
def _add_gradients(g_x, at, g_weight, g_total, reader, x, x_at, weight, k, channels):
    """What the token at `x_at` receives through tap k of the token whose sums lie at `reader`."""
    prefer_widest_vectors()
    assume_no_overlap()
    for j in range(channels):
        inner = take(g_total, reader + j)
        put(g_x, at + j, take(g_x, at + j) + inner * weight[k, j])
        g_weight[k, j] += inner * take(x, x_at + j)


@njit(
    "void(i8, i8, f4[::1], i8, i8, f4[:, ::1], f4[::1], f4[::1], i8, i8, i8, b1, b1)",
    **_ENTRY,
)
def conv_forward(
    first, last, x, x_batch, x_row, weight, bias, out, channels, length, part_length, silu,
    reverse,
):  # fmt: skip
    """Blocks are runs of `part_length` positions of one clip; `weight` is (taps, channels)."""
    approximate_division()
    taps = len(weight)
    parts = (length + part_length - 1) // part_length
    way = -1 if reverse else 1
    total = np.empty(channels, np.float32)
    for block in range(first, last):
        clip = block // parts
        start = (block % parts) * part_length
        for t in range(start, min(start + part_length, length)):
            before = length - 1 - t if reverse else t
            at = clip * x_batch + t * x_row
            first_tap = max(0, taps - 1 - before)
            add_taps(total, x, at, way * x_row, weight, bias, first_tap, channels)
            activate(out, (clip * length + t) * channels, total, channels, silu)


@njit(
    "void(i8, i8, f4[::1], i8, i8, f4[:, ::1], f4[::1], f4[::1], i8, i8, f4[::1], "
    "f4[:, :, ::1], f4[::1], i8, i8, b1, b1)",
    **_ENTRY,
)
def conv_backward(
    first, last, x, x_batch, x_row, weight, bias, g, g_batch, g_row, g_x, g_weight, g_total,
    channels, length, silu, reverse,
):  # fmt: skip
    """One block a clip; `g_weight` is (B, taps + 1, channels), its last row the bias.

    `g_total` (B, L, channels) is scratch: the gradient before the activation.
    """
    taps = len(weight)
    way = -1 if reverse else 1
    total = np.empty(channels, np.float32)
    for clip in range(first, last):
        own = clip * length * channels
        taps_of_clip = g_weight[clip]
        taps_of_clip[:] = 0
        for t in range(length):
            before = length - 1 - t if reverse else t
            at = clip * x_batch + t * x_row
            if silu:
                first_tap = max(0, taps - 1 - before)
                add_taps(total, x, at, way * x_row, weight, bias, first_tap, channels)
            _gradient_before_silu(
                g_total, own + t * channels, g, clip * g_batch + t * g_row, total, channels, silu
            )
        for t in range(length):
            after = t if reverse else length - 1 - t
            at, x_at = own + t * channels, clip * x_batch + t * x_row
            for j in range(channels):
                g_x[at + j] = 0
                taps_of_clip[taps, j] += g_total[at + j]
            for k in range(max(0, taps - 1 - after), taps):
                reader = at + way * (taps - 1 - k) * channels
                _add_gradients(g_x, at, taps_of_clip, g_total, reader, x, x_at, weight, k, channels)
