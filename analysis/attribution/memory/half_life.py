"""How long a scan remembers: half-lives in tokens and frames, and the share that is retained."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.layers.token_grid import TokenGrid
from analysis.ops.scan_order import inverse_permutation, token_permutation
from analysis.tracing.scan_trace import ScanTrace

RETENTION_LEVELS: tuple[float, ...] = (0.5, 0.1, 0.01)
_CHUNK_ELEMENTS = 2**22


@dataclass(frozen=True, eq=False)
class HalfLives:
    """Half-lives of a scan's states, in scan steps ("tokens") and in frames.

    by_token: (L,) in canonical order, the median over channels and states for the token's own
    step size. quartiles: (3,) of all tokens, channels and states: 25, 50 and 75 %.
    steps_per_frame: scan steps from a patch to the same place one frame on, None where the grid
    has one frame.
    """

    by_token: Tensor
    quartiles: Tensor
    steps_per_frame: float | None

    @property
    def median_frames(self) -> float | None:
        """The median in frames along the scan, None where the grid has one frame."""
        steps = self.steps_per_frame
        return None if steps is None else self.quartiles[1].item() / steps


@dataclass(frozen=True, eq=False)
class RetentionCurve:
    """Mean share of a state that is left after some scan steps.

    lags: (K,) scan steps; values: (K,), 1 at lag 0, never rising: all lags have the same
    receivers, the tokens with `max_lag` steps before them. crossings: for each of
    `RETENTION_LEVELS` the first lag at which no more than that is left, None past `max_lag`.
    """

    lags: Tensor
    values: Tensor
    max_lag: int
    crossings: dict[float, int | None]


@torch.no_grad()
def half_lives(scan: ScanTrace, grid: TokenGrid) -> HalfLives:
    """ln 2 / (dt |A|) of every token, channel and state, summarised (analysis spec, section 5)."""
    length = len(scan.dt)
    by_token = scan.dt.new_empty(length)
    size = max(1, _CHUNK_ELEMENTS // scan.A.numel())
    for first in range(0, length, size):
        lives = half_life(scan.dt[first : first + size, :, None], scan.A)
        by_token[first : first + size] = lives.flatten(1).median(dim=1).values
    return HalfLives(by_token, _quartiles(scan), steps_per_frame(scan.token_order, grid))


def half_life(dt: Tensor, A: Tensor) -> Tensor:
    """Steps after which exp(k dt A) is a half, for step sizes and rates of any matching shapes."""
    return math.log(2) / (dt * A.abs())


@torch.no_grad()
def path_half_life(scan: ScanTrace, token: int) -> Tensor:
    """Steps (E, N) back from a token until a half is left, with the step sizes on the way.

    The smallest k with |A| (S_t - S_{t-k}) >= ln 2; infinite where the sequence begins before
    that (analysis spec, section 5). For one step size throughout, `half_life` rounded up.
    """
    step = int(scan.steps[token])
    # From the token backwards: age[k] = S_t - S_{t-k}, rising in k.
    elapsed = scan.elapsed()[: step + 1].flip(0)
    age = (elapsed[:1] - elapsed).T.contiguous()
    needed = math.log(2) / scan.A.abs().double()
    steps = torch.searchsorted(age, needed).to(torch.get_default_dtype())
    return torch.where(steps > step, torch.inf, steps)


@torch.no_grad()
def retention_curve(
    scan: ScanTrace, lags: Sequence[int] | None = None, *, max_lag: int | None = None
) -> RetentionCurve:
    """R(k), the mean of exp(A (S_t - S_{t-k})) over tokens, channels and states.

    max_lag: half of the sequence by default. lags: 0 and about 32 from 1 to max_lag, evenly on a
    logarithmic axis, by default.

    Raises ValueError for a lag beyond max_lag and a max_lag beyond the sequence.
    """
    length = len(scan.dt)
    max_lag = length // 2 if max_lag is None else max_lag
    if not 0 < max_lag < length:
        raise ValueError(f"max_lag is 1 to {length - 1} for {length} tokens, got {max_lag}")
    chosen = _logarithmic(max_lag) if lags is None else sorted(set(lags))
    if not all(0 <= lag <= max_lag for lag in chosen):
        raise ValueError(f"lags run from 0 to max_lag {max_lag}, got {chosen}")
    elapsed = scan.elapsed()
    return RetentionCurve(
        lags=torch.tensor(chosen),
        values=torch.tensor([_retention(scan, elapsed, lag, max_lag) for lag in chosen]),
        max_lag=max_lag,
        crossings={level: _crossing(scan, elapsed, level, max_lag) for level in RETENTION_LEVELS},
    )


def steps_per_frame(token_order: str, grid: TokenGrid) -> float | None:
    """Mean scan steps between a patch and its place in the next frame; None for one frame.

    h * w where frames follow each other, 1 where a site's frames do (analysis spec, section 8).
    """
    if grid.t == 1:
        return None
    permutation = token_permutation(token_order, grid.t, grid.h, grid.w)
    steps = inverse_permutation(permutation).view(grid.t, grid.h, grid.w)
    return steps.diff(dim=0).abs().double().mean().item()


def _logarithmic(max_lag: int) -> list[int]:
    exponents = torch.linspace(0, math.log(max_lag), 32)
    return [0, *sorted({round(math.exp(value)) for value in exponents.tolist()})]


def _retention(scan: ScanTrace, elapsed: Tensor, lag: int, max_lag: int) -> float:
    """R at one lag, receivers being the steps from max_lag on."""
    aged = (elapsed[max_lag:] - elapsed[max_lag - lag : len(elapsed) - lag]).to(scan.dt.dtype)
    size = max(1, _CHUNK_ELEMENTS // scan.A.numel())
    total = sum(
        torch.exp_(part[:, :, None] * scan.A).sum(dtype=torch.float64) for part in aged.split(size)
    )
    return (total / (aged.shape[0] * scan.A.numel())).item()


def _crossing(scan: ScanTrace, elapsed: Tensor, level: float, max_lag: int) -> int | None:
    """Bisection on a curve that never rises."""
    low, high = 0, max_lag
    if _retention(scan, elapsed, high, max_lag) > level:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if _retention(scan, elapsed, middle, max_lag) <= level:
            high = middle
        else:
            low = middle
    return high


def _quartiles(scan: ScanTrace) -> Tensor:
    """Of at most 4 million half-lives, tokens evenly spaced where there are more."""
    stride = -(-len(scan.dt) * scan.A.numel() // _CHUNK_ELEMENTS)
    lives = half_life(scan.dt[::stride, :, None], scan.A).flatten().sort().values
    places = [round(share * (len(lives) - 1)) for share in (0.25, 0.5, 0.75)]
    return lives[places]
