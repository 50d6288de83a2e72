"""The recurrence of the scan kernels over one chunk of tokens, from the first to the last.

Plain loops say what is done: token by token, LLVM vectorising over channels. With AVX-512 sixteen
channels of four states walk through the chunk together instead, in registers all the way.

Arrays are (rows, LANES). States before the chunk begin at row `state_at` (0 where it is not asked
for), and those after it are written from `to` on. B and C lie in flat memory: `b_at` is that of the
chunk's first token and first state, `b_row` the way to the next token. `small` is what `decay_row`
asks for; AVX-512 needs no answer.
"""

from numba import njit
from numba.core.cgutils import for_range
from numba.extending import intrinsic

from analysis.ops import avx512
from analysis.ops.avx512 import AVX512, WIDTH
from analysis.ops.decay_rows import decay_row
from analysis.ops.lane_code import LANES, LaneCode, intrinsic_code
from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
    assume_no_overlap,
    prefer_widest_vectors,
    take,
)

_OPTIONS = COMPILED | {"fastmath": FASTMATH}
CHANNELS = WIDTH if AVX512 else LANES
"""How many channels `advance_and_keep` works on: what it keeps then stays in the nearest cache."""


def _walk(chunk: LaneCode) -> None:
    """All states of 16 channels from `lane` on, and all tokens of a chunk.

    Where there is C outputs are read, where there is `history` what `step_back` needs is kept.
    """
    builder = chunk.builder
    for states in chunk.state_groups():
        rates = [chunk.load("rates", n) for n in states]
        before = [chunk.load("state", builder.add(chunk["state_at"], n)) for n in states]
        values = chunk.held(before)
        if "history" in chunk:
            for value, n in zip(before, states, strict=True):
                chunk.store(value, "history", n, WIDTH)
        with for_range(builder, chunk["size"]) as loop:
            _walk_on(chunk, loop.index, states, rates, values)
        if "to" in chunk:
            for value, n in zip(values, states, strict=True):
                chunk.store(builder.load(value), "state", builder.add(chunk["to"], n))


def _walk_on(chunk: LaneCode, token, states, rates, values) -> None:
    """One token: states decay, take the input in, are kept and read out."""
    builder = chunk.builder
    step, write = chunk.load("steps", token), chunk.load("writes", token)
    output = None
    if "outputs" in chunk:
        output = chunk.load_unless(states[0], "outputs", token)
    decays = avx512.exp2(builder, [builder.fmul(step, rate) for rate in rates])
    taken = [builder.fmul(write, chunk.selection("B", token, n)) for n in states]
    for n, place, decay, new in zip(states, values, decays, taken, strict=True):
        value = avx512.multiply_add(builder, decay, builder.load(place), new)
        builder.store(value, place)
        if "history" in chunk:
            row = builder.add(builder.mul(token, chunk["states"]), n)
            chunk.store(decay, "decay", row, WIDTH)
            chunk.store(value, "history", builder.add(row, chunk["states"]), WIDTH)
        if output is not None:
            output = avx512.multiply_add(builder, chunk.selection("C", token, n), value, output)
    if output is not None:
        chunk.store(output, "outputs", token)


@intrinsic
def _walk_unread(
    typing_context, lane, size, rates, states, state, state_at, to, steps, writes,
    B, B_at, B_row,
):  # fmt: skip
    return intrinsic_code(_walk, locals())


@intrinsic
def _walk_read(
    typing_context, lane, size, rates, states, state, state_at, to, steps, writes,
    B, B_at, B_row, outputs, C, C_at, C_row,
):  # fmt: skip
    return intrinsic_code(_walk, locals())


@intrinsic
def _walk_kept(
    typing_context, lane, size, rates, states, state, state_at, steps, writes,
    B, B_at, B_row, outputs, C, C_at, C_row, history, decay,
):  # fmt: skip
    return intrinsic_code(_walk, locals())


@njit(**_OPTIONS)
def carry_on(small, rates, states, state, state_at, to, decay, steps, writes, B, b_at, b_row, size):
    """States decay and take the input in; nobody reads them."""
    prefer_widest_vectors()
    assume_no_overlap()
    if AVX512:
        for lane in range(0, LANES, WIDTH):
            _walk_unread(
                lane, size, rates, states, state, state_at, to, steps, writes,
                B, b_at, b_row,
            )  # fmt: skip
        return
    for n in range(states):
        for j in range(LANES):
            state[to + n, j] = state[state_at + n, j]
    for i in range(size):
        for n in range(states):
            b = take(B, b_at + i * b_row + n)
            decay_row(decay, 0, steps, i, rates, n, small)
            for j in range(LANES):
                state[to + n, j] = decay[0, j] * state[to + n, j] + writes[i, j] * b


@njit(**_OPTIONS)
def advance(
    small, rates, states, state, outputs, decay, steps, writes, B, b_at, b_row, C, c_at, c_row, size
):
    """States decay, take the input in, and are read out: `outputs` are the sums of C times state.

    States after the chunk take the place of those before it.
    """
    prefer_widest_vectors()
    assume_no_overlap()
    if AVX512:
        for lane in range(0, LANES, WIDTH):
            _walk_read(
                lane, size, rates, states, state, 0, 0, steps, writes,
                B, b_at, b_row, outputs, C, c_at, c_row,
            )  # fmt: skip
        return
    for i in range(size):
        for j in range(LANES):
            outputs[i, j] = 0
        for n in range(states):
            b, c = take(B, b_at + i * b_row + n), take(C, c_at + i * c_row + n)
            decay_row(decay, 0, steps, i, rates, n, small)
            for j in range(LANES):
                value = decay[0, j] * state[n, j] + writes[i, j] * b
                state[n, j] = value
                outputs[i, j] += c * value


@njit(**_OPTIONS)
def advance_and_keep(
    small, lane, rates, states, state, state_at, outputs, history, decay, steps, writes,
    B, b_at, b_row, C, c_at, c_row, size,
):  # fmt: skip
    """As `advance` for CHANNELS channels from `lane` on, keeping what `step_back` needs of them.

    `history` has the states before every token, then those after the last; `decay` every decay.
    `state` is left as it was.
    """
    prefer_widest_vectors()
    assume_no_overlap()
    if AVX512:
        _walk_kept(
            lane, size, rates, states, state, state_at, steps, writes, B, b_at, b_row,
            outputs, C, c_at, c_row, history, decay,
        )  # fmt: skip
        return
    for n in range(states):
        for j in range(LANES):
            history[n, j] = state[state_at + n, j]
    for i in range(size):
        for j in range(LANES):
            outputs[i, j] = 0
        for n in range(states):
            b, c = take(B, b_at + i * b_row + n), take(C, c_at + i * c_row + n)
            row = i * states + n
            decay_row(decay, row, steps, i, rates, n, small)
            for j in range(LANES):
                value = decay[row, j] * history[row, j] + writes[i, j] * b
                history[row + states, j] = value
                outputs[i, j] += c * value
