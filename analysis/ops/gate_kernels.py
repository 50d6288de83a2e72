"""Compiled kernels of the gate, channel-last, forward and backward."""

from numba import njit

from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
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
def _gate_row(out, at, x, x_at, y, y_at, z, z_at, channels):
    prefer_widest_vectors()
    assume_no_overlap()
    for j in range(channels):
        gate = take(z, z_at + j)
        put(out, at + j, (take(x, x_at + j) + take(y, y_at + j)) * gate * sigmoid(gate))


@njit(**_OPTIONS)
def _gate_row_gradients(
    g_sum, g_z, at, g, g_at, x, x_at, y, y_at, z, z_at, channels
):  # fmt: skip
    prefer_widest_vectors()
    assume_no_overlap()
    for j in range(channels):
        gate, upstream = take(z, z_at + j), take(g, g_at + j)
        s = sigmoid(gate)
        put(g_sum, at + j, upstream * gate * s)
        total = take(x, x_at + j) + take(y, y_at + j)
        put(g_z, at + j, upstream * total * silu_slope(gate, s))


@njit(
    "void(i8, i8, f4[::1], i8, i8, f4[::1], i8, i8, f4[::1], i8, i8, f4[::1], i8, i8, i8)",
    **_ENTRY,
)
def gate_forward(
    first, last, x, x_batch, x_row, y, y_batch, y_row, z, z_batch, z_row, out, channels, length,
    part_length,
):  # fmt: skip
    """(x + y) * silu(z); blocks are runs of `part_length` positions of one clip."""
    parts = (length + part_length - 1) // part_length
    for block in range(first, last):
        clip = block // parts
        start = (block % parts) * part_length
        for t in range(start, min(start + part_length, length)):
            _gate_row(
                out, (clip * length + t) * channels, x, clip * x_batch + t * x_row, y,
                clip * y_batch + t * y_row, z, clip * z_batch + t * z_row, channels,
            )  # fmt: skip


@njit(
    "void(i8, i8, f4[::1], i8, i8, f4[::1], i8, i8, f4[::1], i8, i8, f4[::1], i8, i8, f4[::1], "
    "f4[::1], i8, i8, i8)",
    **_ENTRY,
)
def gate_backward(
    first, last, x, x_batch, x_row, y, y_batch, y_row, z, z_batch, z_row, g, g_batch, g_row,
    g_sum, g_z, channels, length, part_length,
):  # fmt: skip
    """Gradients of the sum x + y and of z, blocks as in `gate_forward`."""
    parts = (length + part_length - 1) // part_length
    for block in range(first, last):
        clip = block // parts
        start = (block % parts) * part_length
        for t in range(start, min(start + part_length, length)):
            _gate_row_gradients(
                g_sum, g_z, (clip * length + t) * channels, g, clip * g_batch + t * g_row, x,
                clip * x_batch + t * x_row, y, clip * y_batch + t * y_row, z,
                clip * z_batch + t * z_row, channels,
            )  # fmt: skip
