"""Compiled kernels of the root-mean-square norm over rows of channels, forward and backward."""

import numpy as np
from numba import njit

from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
    assume_no_overlap,
    prefer_widest_vectors,
    put,
    take,
)

# Sums over a row may be taken in any order: that is what makes them vector instructions.
_OPTIONS = COMPILED | {"fastmath": FASTMATH | {"reassoc"}}
_ENTRY = _OPTIONS | {"cache": True}


@njit(**_OPTIONS)
def _normalise_row(out, x, at, weight, eps, channels):
    """Writes the row and returns what it was multiplied by, apart from the weight."""
    prefer_widest_vectors()
    assume_no_overlap()
    total = np.float32(0.0)
    for j in range(channels):
        value = take(x, at + j)
        total += value * value
    scale = np.float32(1.0) / np.sqrt(total / np.float32(channels) + eps)
    for j in range(channels):
        put(out, at + j, take(x, at + j) * scale * weight[j])
    return scale


@njit(**_OPTIONS)
def _row_gradients(g_x, g_weight, g, x, at, weight, scale, channels):
    prefer_widest_vectors()
    assume_no_overlap()
    along = np.float32(0.0)
    for j in range(channels):
        along += take(g, at + j) * weight[j] * take(x, at + j)
    pull = along * scale * scale * scale / np.float32(channels)
    for j in range(channels):
        value, upstream = take(x, at + j), take(g, at + j)
        put(g_x, at + j, upstream * weight[j] * scale - value * pull)
        g_weight[j] += upstream * value * scale


@njit("void(i8, i8, f4[::1], f4[::1], f4, f4[::1], f4[::1], i8, i8, i8)", **_ENTRY)
def norm_forward(first, last, x, weight, eps, out, scales, rows, channels, part_rows):
    """x / rms(x) * weight; blocks are runs of `part_rows` rows. `scales` (rows,) is 1 / rms."""
    for row in range(first * part_rows, min(last * part_rows, rows)):
        scales[row] = _normalise_row(out, x, row * channels, weight, eps, channels)


@njit("void(i8, i8, f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], f4[:, ::1], i8, i8, i8)", **_ENTRY)
def norm_backward(first, last, x, weight, scales, g, g_x, g_weight, rows, channels, part_rows):
    """Blocks as in `norm_forward`; `g_weight` (blocks, channels) receives a part from each."""
    for block in range(first, last):
        part = g_weight[block]
        part[:] = 0
        for row in range(block * part_rows, min((block + 1) * part_rows, rows)):
            _row_gradients(g_x, part, g, x, row * channels, weight, scales[row], channels)
