"""Hidden attention of a scan whose tokens also read selected states of others (Adaptor-T)."""

import torch
from torch import Tensor

from analysis.layers.adaptor_t import AdaptorT
from analysis.layers.token_grid import TokenGrid
from analysis.ops.scan_states import ScanInputs

DEFAULT_BUDGET_BYTES = 512 * 2**20


@torch.no_grad()
def hidden_attention_with_memory(
    scan: ScanInputs,
    adaptor: AdaptorT | None,
    grid: TokenGrid,
    back: Tensor | None = None,
    *,
    channels: Tensor | None = None,
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
) -> Tensor:
    """alpha' (B, E, L, L): receiver i, source s; sum_s alpha'[i, s] u_s + D u_i is the output.

    alpha'[i, s] = sum_n C_i (G[i, s] + gamma sum_j w_ij G[j, s]), where G[j, s] is what state j
    keeps of source s and w_ij are the weights of the tokens that i reads, places and coefficients
    held as they are. Tokens stand as in the scan; its own direction decides what is past. Without
    an adaptor it is hidden attention itself (Ali et al., equation 11). `grid` and `back` as in
    `AdaptorT.forward`. channels: numbers of those to give, all by default.

    For small sizes: raises ValueError, one sentence, where one clip's result and one channel of G
    need more than `budget_bytes`.
    """
    batch, width, length = scan.u.shape
    wanted = range(width) if channels is None else channels.tolist()
    count, states, size = len(wanted), scan.A.shape[1], scan.u.element_size()
    needed = length**2 * (batch * count + states) * size
    if needed > budget_bytes:
        raise ValueError(
            f"hidden attention among {length} tokens in {count} channels needs {needed} bytes, "
            f"more than the budget of {budget_bytes}; choose fewer tokens"
        )
    memory = scan.u.new_zeros(batch, 1, length, length) if adaptor is None else None
    if adaptor is not None:
        memory = memory_matrix(scan, adaptor, grid, back)
    groups = memory.shape[1]
    alpha = scan.u.new_empty(batch, count, length, length)
    for place, channel in enumerate(wanted):
        kept = _kept_of_sources(scan, channel)
        gamma = 0 if adaptor is None else adaptor.gamma[channel]
        read = torch.einsum("bij,bjsn->bisn", memory[:, channel * groups // width], kept)
        alpha[:, place] = torch.einsum("bni,bisn->bis", scan.C, kept + gamma * read)
    return alpha


@torch.no_grad()
def memory_matrix(
    scan: ScanInputs, adaptor: AdaptorT, grid: TokenGrid, back: Tensor | None = None
) -> Tensor:
    """(B, S, L, L): the weight with which token i reads the state of token j, in each sequence.

    Rows sum to 1, but for CLS where places are on the grid.
    """
    mean = scan.mean_state().transpose(1, 2)
    chosen = adaptor.select(mean, scan.reverse, grid, back)
    index, weights = (x.transpose(1, 2) for x in (chosen.index, chosen.weights))
    matrix = mean.new_zeros(*index.shape[:3], mean.shape[1])
    return matrix.scatter_add_(3, index, weights)


def _kept_of_sources(scan: ScanInputs, channel: int) -> Tensor:
    """G (B, L, L, N) of a channel: state j's share of each unit of source s, 0 for later sources.

    Differences of running sums are taken in float64, within one exponential.
    """
    steps = torch.nn.functional.softplus(scan.delta[:, channel] + scan.delta_bias[channel])
    running = steps.double()
    running = running.flip(1).cumsum(1).flip(1) if scan.reverse else running.cumsum(1)
    apart = (running[:, :, None] - running[:, None]).to(steps.dtype)
    ones = torch.ones_like(apart, dtype=torch.bool)
    past = ones.triu() if scan.reverse else ones.tril()
    decay = torch.exp(apart.where(past, 0)[..., None] * scan.A[channel])
    written = (steps[:, None] * scan.B).transpose(1, 2)[:, None]
    return (decay * written).where(past[..., None], 0)


def forgetting_curve(alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Mean |alpha| of every distance i - s: distances (2 L - 1,), from -(L - 1), and means.

    alpha (..., L, L). Positive distances lie behind the receiver in the order of the tokens.
    """
    length = alpha.shape[-1]
    size = alpha.abs().flatten(0, -3).mean(0)
    distances = torch.arange(-(length - 1), length, device=alpha.device)
    means = [size.diagonal(-int(distance)).mean() for distance in distances]
    return distances, torch.stack(means)
