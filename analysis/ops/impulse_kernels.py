"""Compiled kernel of impulse responses, channel-last.

A block is `LANES` channels of one impulse: their N x LANES state stays in the first-level cache
while it walks along the sequence.
"""

import numpy as np
from numba import njit

from analysis.ops.lane_code import LANES
from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
    assume_no_overlap,
    inline_into_caller,
    prefer_widest_vectors,
    put,
    take,
)

FADED = np.float32(1e-30)
"""Smaller states become zero: numbers below those of float32 cost a hundred times the others."""

_CHECK_EVERY = 16
_OPTIONS = COMPILED | {"fastmath": FASTMATH}
_ENTRY = _OPTIONS | {"cache": True}


@njit(**_OPTIONS)
def _feed(state, delta, delta_at, impulse, impulse_at, B, b_at, width):
    """The input of one token joins the state: delta * B * u."""
    prefer_widest_vectors()
    assume_no_overlap()
    for n in range(len(state)):
        b = take(B, b_at + n)
        for j in range(width):
            state[n, j] += take(delta, delta_at + j) * take(impulse, impulse_at + j) * b


@njit(**_OPTIONS)
def _decay(state, decays, decays_at):
    prefer_widest_vectors()
    assume_no_overlap()
    for n in range(len(state)):
        for j in range(LANES):
            value = state[n, j] * take(decays, decays_at + n * LANES + j)
            state[n, j] = value if abs(value) > FADED else np.float32(0.0)


@njit(**_OPTIONS)
def _read(outputs, state, C, c_at):
    prefer_widest_vectors()
    assume_no_overlap()
    for j in range(LANES):
        outputs[0, j] = 0
    for n in range(len(state)):
        c = take(C, c_at + n)
        for j in range(LANES):
            outputs[0, j] += c * state[n, j]


@njit(**_OPTIONS)
def _decay_and_read(outputs, state, decays, decays_at, C, c_at):
    """`_decay` and `_read` in one pass over the state: nearly all of the work."""
    inline_into_caller()
    prefer_widest_vectors()
    assume_no_overlap()
    for j in range(LANES):
        outputs[0, j] = 0
    for n in range(len(state)):
        c = take(C, c_at + n)
        for j in range(LANES):
            value = state[n, j] * take(decays, decays_at + n * LANES + j)
            value = value if abs(value) > FADED else np.float32(0.0)
            state[n, j] = value
            outputs[0, j] += c * value


@njit(**_OPTIONS)
def _put_row(out, out_at, outputs, width):
    for j in range(width):
        put(out, out_at + j, outputs[0, j])


@njit(**_OPTIONS)
def _all_zero(state):
    for n in range(len(state)):
        for j in range(LANES):
            if state[n, j] != 0:
                return False
    return True


@njit(
    "void(i8, i8, f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], i8[::1], f4[::1], i8, i8, i8, i8)",
    **_ENTRY,
)
def impulse_forward(
    first, last, decays, delta, B, C, impulses, starts, out, taps, length, channels, states
):  # fmt: skip
    """Arguments as in `ImpulseResponses`, decays as (groups, L, N, LANES); `out` comes zeroed.

    Block b is impulse b % count for channel group b // count, so that the decays of a group are
    read again while they are near.
    """
    prefer_widest_vectors()
    count = len(starts)
    state = np.empty((states, LANES), np.float32)
    outputs = np.empty((1, LANES), np.float32)
    for block in range(first, last):
        i, group = block % count, block // count
        channel = group * LANES
        width = min(LANES, channels - channel)
        begin = starts[i]
        state[:] = 0
        for t in range(begin, length):
            decays_at = (group * length + t) * states * LANES
            out_at = (i * length + t) * channels + channel
            if t >= begin + taps:
                if t % _CHECK_EVERY == 0 and _all_zero(state):
                    break
                _decay_and_read(outputs, state, decays, decays_at, C, t * states)
            else:
                impulse_at = (i * taps + t - begin) * channels + channel
                _decay(state, decays, decays_at)
                _feed(
                    state, delta, t * channels + channel, impulses, impulse_at,
                    B, t * states, width,
                )  # fmt: skip
                _read(outputs, state, C, t * states)
            _put_row(out, out_at, outputs, width)
