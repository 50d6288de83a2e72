"""A selective scan whose tokens also read selected states of others."""

import torch
from torch import Tensor

from analysis.ops.memory_scan_compiled import memory_scan_compiled
from analysis.ops.memory_taps import weighted_tokens
from analysis.ops.scan_states import ScanInputs
from analysis.ops.selective_scan import choose_implementation

DEFAULT_CHUNK_BYTES = 32 * 2**20


def memory_scan(
    scan: ScanInputs,
    gamma: Tensor,
    index: Tensor,
    weights: Tensor,
    chunk_bytes: int = DEFAULT_CHUNK_BYTES,
) -> Tensor:
    """y + gamma * memory, (B, E, L); memory of token i is sum_n C_i sum_j w_ij h_j.

    gamma (E,). index and weights (B, L, S, J): the J tokens, by number, that a token reads with
    each of the S equal groups of channels. A core holds at most `chunk_bytes` of states at once,
    or one channel's where that is more.

    Differentiable in everything but the index. It runs compiled in single precision wherever the
    selective scan does, if 64 channels' states, and for a way back their gradients, fit the chunk.
    """
    if _compiled(scan, chunk_bytes):
        return memory_scan_compiled(scan, gamma, index, weights)
    return _memory_scan(scan, gamma, index, weights, chunk_bytes)


def _compiled(scan: ScanInputs, chunk_bytes: int) -> bool:
    if scan.u.dtype != torch.float32:
        return False
    if choose_implementation(scan.u) != "cpu" or torch.is_autocast_enabled(scan.u.device.type):
        return False
    from analysis.ops.lane_code import LANES

    arrays = 2 if torch.is_grad_enabled() else 1
    return arrays * scan.u.shape[2] * scan.A.shape[1] * LANES * 4 <= chunk_bytes


def _memory_scan(
    scan: ScanInputs, gamma: Tensor, index: Tensor, weights: Tensor, chunk_bytes: int
) -> Tensor:
    batch, width, length = scan.u.shape
    sequences, states = index.shape[2], scan.A.shape[1]
    reads = scan.C.transpose(1, 2)[..., None]
    group = width // sequences
    channel_bytes = batch * length * states * scan.u.element_size()
    size = max(1, min(group, chunk_bytes // channel_bytes))
    parts = []
    for s in range(sequences):
        for first in range(s * group, (s + 1) * group, size):
            hidden = scan.states(slice(first, min(first + size, (s + 1) * group)))
            read = weighted_tokens(hidden.flatten(2), index[:, :, s], weights[:, :, s])
            parts.append((read.view_as(hidden) @ reads)[..., 0])
    return scan.output() + gamma[:, None] * torch.cat(parts, dim=-1).transpose(1, 2)
