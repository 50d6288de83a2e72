"""Compiled kernels of the depthwise causal convolution, channel-last, forward and backward."""

import numpy as np
from numba import njit

from analysis.ops.vector_math import FASTMATH, prefer_widest_vectors, sigmoid

_OPTIONS = {"error_model": "numpy", "nogil": True, "cache": True, "fastmath": FASTMATH}


@njit(inline="always", fastmath=FASTMATH)
def _convolve(total, x, clip, t, x_batch, x_row, weight, bias, channels, length, taps, reverse):
    """The sum of one token: its own tap is the last, taps outside the sequence are zero."""
    for j in range(channels):
        total[j] = bias[j]
    for k in range(taps):
        distance = taps - 1 - k
        source = t + distance if reverse else t - distance
        if 0 <= source < length:
            at = clip * x_batch + source * x_row
            inputs = x[at : at + channels]
            tap = weight[k]
            for j in range(channels):
                total[j] += tap[j] * inputs[j]


@njit(
    "void(i8, i8, f4[::1], i8, i8, f4[:, ::1], f4[::1], f4[:, :, ::1], i8, b1, b1)",
    **_OPTIONS,
)
def conv_forward(first, last, x, x_batch, x_row, weight, bias, out, part_length, silu, reverse):
    """Blocks are runs of `part_length` positions of one clip; `weight` is (taps, channels)."""
    prefer_widest_vectors()
    length, channels = out.shape[1], out.shape[2]
    taps = weight.shape[0]
    parts = (length + part_length - 1) // part_length
    total = np.empty(channels, np.float32)
    for block in range(first, last):
        clip = block // parts
        start = (block % parts) * part_length
        for t in range(start, min(start + part_length, length)):
            _convolve(
                total, x, clip, t, x_batch, x_row, weight, bias, channels, length, taps, reverse
            )
            target = out[clip, t]
            if silu:
                for j in range(channels):
                    target[j] = total[j] * sigmoid(total[j])
            else:
                for j in range(channels):
                    target[j] = total[j]


@njit(
    "void(i8, i8, f4[::1], i8, i8, f4[:, ::1], f4[::1], f4[::1], i8, i8, f4[:, :, ::1], "
    "f4[:, :, ::1], f4[:, :, ::1], b1, b1)",
    **_OPTIONS,
)
def conv_backward(
    first, last, x, x_batch, x_row, weight, bias, g, g_batch, g_row, g_x, g_weight, g_total,
    silu, reverse,
):  # fmt: skip
    """One block a clip; `g_weight` is (B, taps + 1, channels), its last row the bias.

    `g_total` (B, L, channels) is scratch: the gradient before the activation.
    """
    prefer_widest_vectors()
    length, channels = g_x.shape[1], g_x.shape[2]
    taps = weight.shape[0]
    total = np.empty(channels, np.float32)
    for clip in range(first, last):
        for t in range(length):
            at = clip * g_batch + t * g_row
            upstream = g[at : at + channels]
            inner = g_total[clip, t]
            if silu:
                _convolve(
                    total, x, clip, t, x_batch, x_row, weight, bias, channels, length, taps,
                    reverse,
                )  # fmt: skip
                for j in range(channels):
                    s = sigmoid(total[j])
                    slope = s * (np.float32(1.0) + total[j] * (np.float32(1.0) - s))
                    inner[j] = upstream[j] * slope
            else:
                for j in range(channels):
                    inner[j] = upstream[j]
        g_weight[clip] = 0
        for t in range(length):
            inputs_at = clip * x_batch + t * x_row
            inputs = x[inputs_at : inputs_at + channels]
            g_inputs = g_x[clip, t]
            g_inputs[:] = 0
            own = g_total[clip, t]
            g_bias = g_weight[clip, taps]
            for j in range(channels):
                g_bias[j] += own[j]
            for k in range(taps):
                distance = taps - 1 - k
                reader = t - distance if reverse else t + distance
                if 0 <= reader < length:
                    inner = g_total[clip, reader]
                    tap = weight[k]
                    g_tap = g_weight[clip, k]
                    for j in range(channels):
                        g_inputs[j] += inner[j] * tap[j]
                        g_tap[j] += inner[j] * inputs[j]
