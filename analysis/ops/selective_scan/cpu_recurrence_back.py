"""The recurrence of the scan kernels over one chunk of tokens, from the last back to the first.

Arrays are those of `cpu_recurrence`, whose `advance_and_keep` must have left `history` and `decay`
for the same channels just before.
"""

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core.cgutils import for_range
from numba.extending import intrinsic

from analysis.ops import avx512
from analysis.ops.avx512 import AVX512, WIDTH
from analysis.ops.lane_code import LANES, LaneCode, intrinsic_code
from analysis.ops.vector_math import (
    COMPILED,
    FASTMATH,
    assume_no_overlap,
    prefer_widest_vectors,
    put,
    take,
)


def _walk_back(chunk: LaneCode) -> None:
    """All states of 16 channels from `lane` on, and all tokens of a chunk."""
    builder = chunk.builder
    last = builder.mul(chunk["size"], chunk["states"])
    for states in chunk.state_groups():
        rates = [chunk.load("rates", n) for n in states]
        after = [chunk.load("history", builder.add(last, n), WIDTH) for n in states]
        held = {
            "carry": chunk.held([chunk.load("carry", n) for n in states]),
            "rate_gradient": chunk.held([chunk.load("rate_gradient", n) for n in states]),
            "after": chunk.held(after),
        }
        with for_range(builder, chunk["size"]) as loop:
            token = builder.sub(builder.sub(chunk["size"], loop.index), ir.IntType(64)(1))
            _walk_one_back(chunk, token, states, rates, held)
        for name in ("carry", "rate_gradient"):
            for place, n in zip(held[name], states, strict=True):
                chunk.store(builder.load(place), name, n)


def _walk_one_back(chunk: LaneCode, token, states, rates, held) -> None:
    """One token: the gradient of its state, and what of it falls on all that made the state."""
    builder = chunk.builder
    step, write, g_y = (chunk.load(name, token) for name in ("steps", "writes", "g_y"))
    through = chunk.load_unless(states[0], "through", token)
    read = chunk.load_unless(states[0], "read", token)
    of_B, of_C = [], []
    places = zip(held["carry"], held["rate_gradient"], held["after"], strict=True)
    for n, rate, (carry, slope, after) in zip(states, rates, places, strict=True):
        row = builder.add(builder.mul(token, chunk["states"]), n)
        before = chunk.load("history", row, WIDTH)
        c = chunk.selection("C", token, n)
        adjoint = avx512.multiply_add(builder, c, g_y, builder.load(carry))
        faded = builder.fmul(adjoint, chunk.load("decay", row, WIDTH))
        product = builder.fmul(faded, before)
        read = avx512.multiply_add(builder, adjoint, chunk.selection("B", token, n), read)
        through = avx512.multiply_add(builder, product, rate, through)
        of_B.append(builder.fmul(adjoint, write))
        of_C.append(builder.fmul(g_y, builder.load(after)))
        slope_so_far = builder.load(slope)
        builder.store(avx512.multiply_add(builder, product, step, slope_so_far), slope)
        builder.store(faded, carry)
        builder.store(before, after)
    chunk.store(through, "through", token)
    chunk.store(read, "read", token)
    _add_sums(chunk, token, states[0], of_B, of_C)


def _add_sums(chunk: LaneCode, token, first, of_B: list[ir.Value], of_C: list[ir.Value]) -> None:
    """Adds the sums of vectors over their lanes to a token's g_B and g_C, or begins those."""
    builder = chunk.builder
    at = builder.add(chunk["g_at"], builder.mul(token, chunk["g_row"]))
    at = builder.add(at, first)
    begins = builder.icmp_signed("==", chunk["lane"], chunk["lane"].type(0))
    for name, vectors in (("g_B", of_B), ("g_C", of_C)):
        total = avx512.sums_of_four(builder, vectors * (4 // len(vectors)))
        if len(vectors) == 1:
            total = builder.extract_element(total, ir.IntType(32)(0))
        place = builder.bitcast(builder.gep(chunk[name], [at]), total.type.as_pointer())
        so_far = builder.select(begins, total.type(None), builder.load(place, align=4))
        builder.store(builder.fadd(so_far, total), place, align=4)


@intrinsic
def _walk_states_back(
    typing_context, lane, size, states, rates, rate_gradient, carry, through, read, g_B, g_C,
    g_at, g_row, history, decay, steps, writes, g_y, B, B_at, B_row, C, C_at, C_row,
):  # fmt: skip
    return intrinsic_code(_walk_back, locals())


@njit(**COMPILED, fastmath=FASTMATH | {"reassoc"})
def step_back(
    lane, states, rates, rate_gradient, carry, through, read, g_B, g_C, g_at, g_row, history, decay,
    steps, writes, g_y, B, b_at, b_row, C, c_at, c_row, size,
):  # fmt: skip
    """CHANNELS channels from `lane` on: `carry` is the gradient of the state a token hands on.

    `through` is what falls on step sizes through the rates, `read` the sum of B times the state's
    gradient; those of B and C are written for the first channels and added for others.
    """
    prefer_widest_vectors()
    assume_no_overlap()
    if AVX512:
        _walk_states_back(
            lane, size, states, rates, rate_gradient, carry, through, read, g_B, g_C, g_at, g_row,
            history, decay, steps, writes, g_y, B, b_at, b_row, C, c_at, c_row,
        )  # fmt: skip
        return
    for i in range(size - 1, -1, -1):
        for j in range(LANES):
            through[i, j] = 0
            read[i, j] = 0
        for n in range(states):
            b, c = take(B, b_at + i * b_row + n), take(C, c_at + i * c_row + n)
            row = i * states + n
            sum_b = np.float32(0.0)
            sum_c = np.float32(0.0)
            for j in range(LANES):
                adjoint = carry[n, j] + c * g_y[i, j]
                faded = adjoint * decay[row, j]
                product = faded * history[row, j]
                carry[n, j] = faded
                rate_gradient[n, j] += product * steps[i, j]
                through[i, j] += product * rates[n, j]
                read[i, j] += adjoint * b
                sum_b += adjoint * writes[i, j]
                sum_c += g_y[i, j] * history[row + states, j]
            put(g_B, g_at + i * g_row + n, sum_b)
            put(g_C, g_at + i * g_row + n, sum_c)
