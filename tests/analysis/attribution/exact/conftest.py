"""A small float64 model whose two directions differ in everything, and its dense matrices."""

from dataclasses import dataclass
from functools import cache

import pytest
import torch
from torch import Tensor

from analysis.ops.scan_order import sequence_permutation
from analysis.tracing.recorder import record


@pytest.fixture(scope="session")
def clip(clips):
    return clips[0]


@pytest.fixture(scope="session")
def make_layer(make_model, clip):
    """The trace of the last layer, with the record of what hooks saw of it."""

    @cache
    def make(scan_order="spatial_first", **fields):
        trace = record(make_model(scan_order, **fields), clip)
        return trace.layer(-1), trace.records[-1]

    return make


@dataclass(frozen=True, eq=False)
class Dense:
    """Everything of a layer as dense matrices, from the equations and the parameters.

    alpha: by (direction, order), (E, L, L) in scan order. mixing: (2, E, L, L) = (alpha + D) Q T
    by direction in canonical order. bias: (2, L, E). x: (L, E); gate: (L, E).
    """

    alpha: dict[tuple[str, str], Tensor]
    mixing: Tensor
    bias: Tensor
    x: Tensor
    gate: Tensor

    def contributions(self, out_weight: Tensor) -> Tensor:
        """(2, t, s, D) of the residual level."""
        y = torch.einsum("ets,se->tse", self.mixing[0], self.x)
        z = torch.einsum("ets,se->tse", self.mixing[1], self.x)
        return torch.stack([y, z]) * self.gate[:, None] @ out_weight.T


@pytest.fixture(scope="session")
def make_dense():
    return dense_layer


@cache
@torch.no_grad()
def dense_layer(record, **without) -> Dense:
    """Dense matrices of a recorded layer; `without` leaves out conv, silu, gate or skip."""
    mixer, grid = record.mixer, record.grid
    inner, z = (record.tokens @ mixer.in_proj.weight.T).chunk(2, dim=-1)
    alphas, mixings, biases = {}, [], []
    for direction, orders in (("forward", record.scan.forward), ("backward", record.scan.backward)):
        total, bias = 0, 0
        for order in orders:
            read, _ = sequence_permutation(order, grid.t, grid.h, grid.w)
            read = read.flip(0) if direction == "backward" else read
            alpha, M, b = _dense_scan(mixer, inner[read], direction, **without)
            alphas[direction, order] = alpha
            canonical, spread = torch.empty_like(M), torch.empty_like(b)
            canonical[:, read[:, None], read[None]] = M
            spread[read] = b
            total, bias = total + canonical / len(orders), bias + spread / len(orders)
        mixings.append(total)
        biases.append(bias)
    gate = torch.ones_like(z) if without.get("gate") else z * torch.sigmoid(z)
    return Dense(alphas, torch.stack(mixings), torch.stack(biases), inner, gate)


def _dense_scan(mixer, x, direction, conv=False, silu=False, skip=False, gate=False):
    """alpha (E, L, L), (alpha + D) Q T (E, L, L) and the bias part (L, E), all in scan order."""
    suffix = "_b" if direction == "backward" else ""
    layer = {name: mixer.get_submodule(name + suffix) for name in ("conv1d", "x_proj", "dt_proj")}
    taps, conv_bias = layer["conv1d"].weight[:, 0], layer["conv1d"].bias
    length, channels = x.shape
    T = torch.zeros(channels, length, length, dtype=x.dtype)
    for t in range(length):
        for k in range(taps.shape[1]):
            if (s := t - taps.shape[1] + 1 + k) >= 0:
                T[:, t, s] = taps[:, k]
    c = torch.einsum("ets,se->te", T, x) + conv_bias
    slope = torch.sigmoid(c)
    rank, states = mixer.delta_rank, mixer.state_size
    low, B, C = ((c * slope) @ layer["x_proj"].weight.T).split([rank, states, states], dim=-1)
    dt = torch.log1p(torch.exp(low @ layer["dt_proj"].weight.T + layer["dt_proj"].bias))
    A = -mixer.get_parameter(f"A{suffix}_log").float().exp().double()
    alpha = torch.zeros_like(T)
    decay = torch.exp(dt[:, :, None] * A)
    carried = torch.zeros(length, channels, states, dtype=x.dtype)  # what each source has left
    for t in range(length):
        carried = carried * decay[t]
        carried[t] = dt[t, :, None] * B[t]
        alpha[:, t] = (carried @ C[t]).T
    weight = torch.zeros(channels) if skip else mixer.get_parameter(f"D{suffix}")
    path = alpha + weight[:, None, None] * torch.eye(length, dtype=x.dtype)
    Q = torch.ones_like(slope) if silu else slope
    T = torch.eye(length, dtype=x.dtype).expand_as(T) if conv else T
    bias = torch.zeros_like(c) if conv else torch.einsum("ets,se->te", path, Q * conv_bias)
    return alpha, path @ torch.diag_embed(Q.T) @ T, bias
