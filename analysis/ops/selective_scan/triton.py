"""The selective scan in Triton: kernels for GPUs that need no compiler on the machine.

A program is a block of channels of one clip and walks the tokens in sequence with its states x
channels tile in registers; tokens are read channel-last. The backward kernel keeps no states from
the forward pass: it runs the recurrence again, leaves a checkpoint every `CHUNK` tokens, and walks
the chunks from the last to the first with the states of one chunk in scratch memory.

With TRITON_INTERPRET=1 in the environment before Triton is first imported, the same kernels run
on the CPU through Triton's interpreter: slow, but the way to test them without a GPU.
"""

from functools import partial

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from analysis.ops.channel_last import channel_last
from analysis.ops.selective_scan.fused import FusedScan, Options, call_fused, collected_gradients

CHUNK = 64
FORWARD_TILE = 128
"""States x channels of one program: small, so that even one clip makes many programs."""
BACKWARD_TILE = 512
"""Wider, because every program leaves its own partial gradients of B and C to be summed."""


@triton.jit
def _step_size(raw, SOFTPLUS: tl.constexpr):
    if SOFTPLUS:
        t = tl.exp(-tl.abs(raw))
        # log(1 + t) / (1 + t - 1) rounds well where log(1 + t) alone loses all digits of a small t.
        w = 1.0 + t
        log1p = tl.where(w == 1.0, t, tl.log(w) * (t / tl.where(w == 1.0, 1.0, w - 1.0)))
        raw = tl.maximum(raw, 0.0) + log1p
    return raw


@triton.jit
def _forward_kernel(
    u, u_batch, u_row, delta, delta_batch, delta_row, B, B_batch, B_row, C, C_batch, C_row,
    z, z_batch, z_row, A, D, bias, out, last_state, channels, length, states,
    GATED: tl.constexpr, SOFTPLUS: tl.constexpr, REVERSE: tl.constexpr,
    STATES: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    clip = tl.program_id(0).to(tl.int64)
    lane = tl.program_id(1) * LANES + tl.arange(0, LANES)
    n = tl.arange(0, STATES)
    real, kept = lane < channels, n < states
    tile, entry = kept[:, None] & real[None, :], lane[None, :] * states + n[:, None]
    u_at, delta_at = u + clip * u_batch + lane, delta + clip * delta_batch + lane
    B_at, C_at = B + clip * B_batch + n, C + clip * C_batch + n
    z_at = z + clip * z_batch + lane
    rates = tl.load(A + entry, mask=tile, other=0.0)
    skip = tl.load(D + lane, mask=real, other=0.0)
    shift = tl.load(bias + lane, mask=real, other=0.0)
    state = tl.zeros((STATES, LANES), tl.float32)
    for t in range(length):
        row = t
        if REVERSE:
            row = length - 1 - t
        x = tl.load(u_at + row * u_row, mask=real, other=0.0)
        raw = tl.load(delta_at + row * delta_row, mask=real, other=0.0)
        b = tl.load(B_at + row * B_row, mask=kept, other=0.0)
        c = tl.load(C_at + row * C_row, mask=kept, other=0.0)
        step = _step_size(raw + shift, SOFTPLUS)
        state = tl.exp(step[None, :] * rates) * state + b[:, None] * (step * x)[None, :]
        y = tl.sum(c[:, None] * state, axis=0) + skip * x
        if GATED:
            gate = tl.load(z_at + row * z_row, mask=real, other=0.0)
            y = y * gate / (1.0 + tl.exp(-gate))
        tl.store(out + (clip * length + row) * channels + lane, y, mask=real)
    tl.store(last_state + clip * channels * states + entry, state, mask=tile)


@triton.jit
def _backward_kernel(
    u, u_batch, u_row, delta, delta_batch, delta_row, B, B_batch, B_row, C, C_batch, C_row,
    z, z_batch, z_row, g, g_batch, g_row, A, D, bias, g_state, checkpoints, history,
    g_u, g_delta, g_z, g_B, g_C, g_A, g_D, g_bias, channels, length, states,
    GATED: tl.constexpr, SOFTPLUS: tl.constexpr, REVERSE: tl.constexpr,
    STATES: tl.constexpr, LANES: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    clip = tl.program_id(0).to(tl.int64)
    program = clip * tl.num_programs(1) + tl.program_id(1)
    lane = tl.program_id(1) * LANES + tl.arange(0, LANES)
    n = tl.arange(0, STATES)
    real, kept = lane < channels, n < states
    tile, entry = kept[:, None] & real[None, :], lane[None, :] * states + n[:, None]
    u_at, delta_at = u + clip * u_batch + lane, delta + clip * delta_batch + lane
    B_at, C_at = B + clip * B_batch + n, C + clip * C_batch + n
    z_at, g_at = z + clip * z_batch + lane, g + clip * g_batch + lane
    rates = tl.load(A + entry, mask=tile, other=0.0)
    skip = tl.load(D + lane, mask=real, other=0.0)
    shift = tl.load(bias + lane, mask=real, other=0.0)
    chunks = (length + CHUNK - 1) // CHUNK
    cell = n[:, None] * LANES + tl.arange(0, LANES)[None, :]
    checkpoint = checkpoints + program * chunks * STATES * LANES + cell
    moment = history + program * CHUNK * STATES * LANES + cell

    state = tl.zeros((STATES, LANES), tl.float32)
    for t in range((chunks - 1) * CHUNK):
        if t % CHUNK == 0:
            tl.store(checkpoint + (t // CHUNK) * STATES * LANES, state)
        row = t
        if REVERSE:
            row = length - 1 - t
        x = tl.load(u_at + row * u_row, mask=real, other=0.0)
        raw = tl.load(delta_at + row * delta_row, mask=real, other=0.0)
        b = tl.load(B_at + row * B_row, mask=kept, other=0.0)
        step = _step_size(raw + shift, SOFTPLUS)
        state = tl.exp(step[None, :] * rates) * state + b[:, None] * (step * x)[None, :]
    tl.store(checkpoint + (chunks - 1) * STATES * LANES, state)

    carry = tl.load(g_state + clip * channels * states + entry, mask=tile, other=0.0)
    rate_gradient = tl.zeros((STATES, LANES), tl.float32)
    skip_gradient = tl.zeros((LANES,), tl.float32)
    shift_gradient = tl.zeros((LANES,), tl.float32)
    for back in range(chunks):
        first = (chunks - 1 - back) * CHUNK
        size = tl.minimum(CHUNK, length - first)
        # The threads that read scratch memory need not be those that wrote it.
        tl.debug_barrier()
        state = tl.load(checkpoint + (chunks - 1 - back) * STATES * LANES)
        for i in range(size):
            tl.store(moment + i * STATES * LANES, state)
            row = first + i
            if REVERSE:
                row = length - 1 - first - i
            x = tl.load(u_at + row * u_row, mask=real, other=0.0)
            raw = tl.load(delta_at + row * delta_row, mask=real, other=0.0)
            b = tl.load(B_at + row * B_row, mask=kept, other=0.0)
            step = _step_size(raw + shift, SOFTPLUS)
            state = tl.exp(step[None, :] * rates) * state + b[:, None] * (step * x)[None, :]
        tl.debug_barrier()
        for j in range(size):
            i = size - 1 - j
            row = first + i
            if REVERSE:
                row = length - 1 - first - i
            at = (clip * length + row) * channels + lane
            x = tl.load(u_at + row * u_row, mask=real, other=0.0)
            raw = tl.load(delta_at + row * delta_row, mask=real, other=0.0)
            b = tl.load(B_at + row * B_row, mask=kept, other=0.0)
            c = tl.load(C_at + row * C_row, mask=kept, other=0.0)
            upstream = tl.load(g_at + row * g_row, mask=real, other=0.0)
            step = _step_size(raw + shift, SOFTPLUS)
            before = tl.load(moment + i * STATES * LANES)
            decay = tl.exp(step[None, :] * rates)
            state = decay * before + b[:, None] * (step * x)[None, :]
            if GATED:
                gate = tl.load(z_at + row * z_row, mask=real, other=0.0)
                y = tl.sum(c[:, None] * state, axis=0) + skip * x
                s = 1.0 / (1.0 + tl.exp(-gate))
                tl.store(g_z + at, upstream * y * s * (1.0 + gate * (1.0 - s)), mask=real)
                upstream = upstream * gate * s
            adjoint = carry + c[:, None] * upstream[None, :]
            carry = adjoint * decay
            through_decay = carry * before
            rate_gradient += through_decay * step[None, :]
            read = tl.sum(adjoint * b[:, None], axis=0)
            g_step = tl.sum(through_decay * rates, axis=0) + read * x
            if SOFTPLUS:
                g_step = g_step / (1.0 + tl.exp(-(raw + shift)))
            tl.store(g_u + at, read * step + upstream * skip, mask=real)
            tl.store(g_delta + at, g_step, mask=real)
            skip_gradient += upstream * x
            shift_gradient += g_step
            partial = (program * length + row) * states + n
            tl.store(g_B + partial, tl.sum(adjoint * (step * x)[None, :], axis=1), mask=kept)
            tl.store(g_C + partial, tl.sum(state * upstream[None, :], axis=1), mask=kept)
    tl.store(g_A + clip * channels * states + entry, rate_gradient, mask=tile)
    tl.store(g_D + clip * channels + lane, skip_gradient, mask=real)
    tl.store(g_bias + clip * channels + lane, shift_gradient, mask=real)


INTERPRETED = not isinstance(_forward_kernel, triton.JITFunction)
"""Whether the kernels of this process run through Triton's interpreter."""


def supports(u: Tensor) -> bool:
    """True for float32, bfloat16 and float16 on CUDA, and on the CPU under the interpreter."""
    on_device = u.device.type == "cuda" or (INTERPRETED and u.device.type == "cpu")
    return on_device and u.dtype in (torch.float32, torch.bfloat16, torch.float16)


def _memory(*tensors: Tensor) -> list[Tensor | int]:
    """Kernel arguments of token tensors: memory, batch stride and position stride of each."""
    tokens = [channel_last(x) for x in tensors]
    return [part for x in tokens for part in (x, x.stride(0), x.stride(2))]


def _tile(states: int, elements: int) -> tuple[int, int]:
    """States (padded to a power of two) and channels of one program's tile."""
    padded = triton.next_power_of_2(states)
    return padded, max(1, min(32, elements // padded))


class _SelectiveScan(FusedScan):
    @staticmethod
    def scan(u, delta, A, B, C, D, z, delta_bias, options: Options):
        batch, channels, length = u.shape
        states = A.shape[1]
        padded, lanes = _tile(states, FORWARD_TILE)
        out = torch.empty(batch, length, channels, device=u.device)
        last_state = torch.empty(batch, channels, states, device=u.device)
        with torch.cuda.device_of(u):
            _forward_kernel[(batch, triton.cdiv(channels, lanes))](
                *_memory(u, delta, B, C, z),
                *(x.detach().float().contiguous() for x in (A, D, delta_bias)),
                out,
                last_state,
                channels,
                length,
                states,
                *options,
                STATES=padded,
                LANES=lanes,
                num_warps=1,
            )
        return out.transpose(1, 2).to(u.dtype), last_state

    @staticmethod
    @once_differentiable
    def backward(ctx, g_out, g_state):
        u, delta, A, B, C, D, z, delta_bias = inputs = ctx.saved_tensors
        batch, channels, length = u.shape
        states = A.shape[1]
        padded, lanes = _tile(states, BACKWARD_TILE)
        parts = triton.cdiv(channels, lanes)

        empty = partial(torch.empty, device=u.device)  # float32
        g_u, g_delta, g_z = (empty(batch, length, channels) for _ in range(3))
        g_B, g_C = (empty(batch, parts, length, states) for _ in range(2))
        g_A = empty(batch, channels, states)
        g_D, g_bias = (empty(batch, channels) for _ in range(2))
        with torch.cuda.device_of(u):
            _backward_kernel[(batch, parts)](
                *_memory(u, delta, B, C, z, g_out),
                *(x.detach().float().contiguous() for x in (A, D, delta_bias)),
                g_state.float().contiguous(),
                empty(batch, parts, triton.cdiv(length, CHUNK), padded, lanes),
                empty(batch, parts, CHUNK, padded, lanes),
                g_u,
                g_delta,
                g_z,
                g_B,
                g_C,
                g_A,
                g_D,
                g_bias,
                channels,
                length,
                states,
                *ctx.options,
                STATES=padded,
                LANES=lanes,
                CHUNK=CHUNK,
                num_warps=1,
            )
        return collected_gradients(ctx, inputs, g_u, g_delta, g_z, g_B, g_C, g_A, g_D, g_bias)


def selective_scan(*arguments, **options) -> Tensor | tuple[Tensor, Tensor]:
    """The scan of `analysis.ops.selective_scan.selective_scan` in float32 on the GPU.

    Tensors whose channels are neighbours in memory (a transposed (B, L, channels) tensor) are read
    in place; others are copied once. The outputs are channel-last too. Backward keeps only the
    inputs: states are computed again.
    """
    return call_fused(_SelectiveScan, *arguments, **options)
