"""A scan small enough to check by hand: a ball on a 3 x 3 x 3 grid, one channel, one state.

The same code as for the models: `selective_scan` by way of a traced scan, its states and its
exact contributions. Nothing is trained; the step sizes are the visitor's.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from analysis.attribution.exact.frozen_scan import FrozenScan
from analysis.layers.token_grid import TokenGrid
from analysis.ops.scan_order import token_permutation
from analysis.tracing.hidden_states import hidden_states
from analysis.tracing.scan_trace import DIRECTIONS, ScanTrace, run_scan

TOY_GRID = TokenGrid(3, 3, 3)
BALL: tuple[int, int, int] = (3, 13, 23)
"""Canonical numbers of the three patches that show the ball: it crosses the middle row."""

KEPT_SHARES: tuple[float, ...] = (0.99, 0.9, 0.5, 0.25)
"""Shares of the state that a token may leave: exp(-dt), as A is -1."""


@dataclass(frozen=True)
class ToySetting:
    """How the toy is read.

    kept_empty, kept_ball: share of the state, above 0 and below 1, that an empty patch and the ball
        leave in place. A token that keeps less also writes more: both follow from its step size.
    """

    token_order: str = "spatial_first"
    direction: str = "forward"
    kept_empty: float = 0.9
    kept_ball: float = 0.5

    def __post_init__(self) -> None:
        if self.direction not in DIRECTIONS:
            raise ValueError(f"unknown direction {self.direction!r}; choose forward or backward")
        for name in ("kept_empty", "kept_ball"):
            share = getattr(self, name)
            if not 0 < share < 1:
                raise ValueError(f"{name} is {share}; choose a share above 0 and below 1")


@dataclass(frozen=True)
class ToyWalk:
    """Every number of the toy's scan; tokens by canonical number, steps in reading order.

    positions: token read at each step. inputs: 1 at the ball, 0 elsewhere. step_sizes: dt.
    kept: exp(-dt), what a token leaves of the state. states: h after each step. outputs: y, which
        is the state here (C = 1, no skip).
    parts: parts[t][s] of the output at token t that came from token s.
    completeness_error: the largest |sum of parts - output|.
    """

    setting: ToySetting
    positions: tuple[int, ...]
    inputs: tuple[float, ...]
    step_sizes: tuple[float, ...]
    kept: tuple[float, ...]
    states: tuple[float, ...]
    outputs: tuple[float, ...]
    parts: tuple[tuple[float, ...], ...]
    completeness_error: float

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """Step at which each token is read."""
        return tuple(self.positions.index(token) for token in range(len(self.positions)))


def toy_walk(setting: ToySetting) -> ToyWalk:
    """The scan of the toy in a setting. Raises ValueError for an unknown token order."""
    scan = _scan(setting)
    sources = torch.eye(len(scan.u), dtype=scan.u.dtype)
    # By source first: how the scan answers to each token alone.
    parts = FrozenScan(scan, "value").respond(sources)[:, :, 0].T
    outputs = scan.y[:, 0]
    return ToyWalk(
        setting=setting,
        positions=tuple(scan.positions.tolist()),
        inputs=_numbers(scan.u),
        step_sizes=_numbers(scan.dt),
        kept=_numbers(torch.exp(-scan.dt)),
        states=_numbers(hidden_states(scan)),
        outputs=_numbers(outputs),
        parts=tuple(map(tuple, parts.tolist())),
        completeness_error=float((parts.sum(1) - outputs).abs().max()),
    )


def _scan(setting: ToySetting) -> ScanTrace:
    """The toy as a traced scan in double precision, without convolution, gate and skip."""
    tokens = TOY_GRID.patches
    positions = token_permutation(setting.token_order, TOY_GRID.t, TOY_GRID.h, TOY_GRID.w)
    if setting.direction == "backward":
        positions = positions.flip(0)
    u = torch.zeros(tokens, 1, dtype=torch.float64)
    u[list(BALL)] = 1.0
    dt = torch.full_like(u, -math.log(setting.kept_empty))
    dt[list(BALL)] = -math.log(setting.kept_ball)
    one, ones = torch.ones(1, 1, dtype=torch.float64), torch.ones_like(u)
    read = positions
    steps = torch.argsort(positions)
    y = run_scan(u[read][None], dt[read], -one, ones, ones, None)[0, steps]
    return ScanTrace(
        token_order=setting.token_order,
        direction=setting.direction,
        share=1.0,
        positions=positions,
        x=u,
        c=u,
        u=u,
        dt=dt,
        A=-one,
        B=ones,
        C=ones,
        D=torch.zeros(1, dtype=torch.float64),
        y=y,
        conv_weight=one,
        conv_bias=torch.zeros(1, dtype=torch.float64),
        activation="silu",
    )


def _numbers(values: Tensor) -> tuple[float, ...]:
    return tuple(values.flatten().tolist())
