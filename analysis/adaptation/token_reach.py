"""Which tokens of a clip one token hears of in a MoMa, through windows and through scans."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from analysis.adaptation.errors import AdaptationError
from analysis.layers.windowed_attention import Window, window_groups
from analysis.models.moma import Moma

Token = tuple[int, int, int]
"""Frame, row and column, from 0."""

PLACES = ("itself", "own window", "own frame", "earlier frames", "later frames")
"""Where a token's influences come from; each without those named before."""

_DIRECTIONS = 8


@dataclass(frozen=True, eq=False)
class TokenReach:
    """What one token of the last layer hears of every token that enters the first.

    values: float64 (t, h, w), the length of the gradient, exactly 0 where nothing is heard: the
        root of the mean of |J'v|^2 over random signs v, whose expectation is the Frobenius norm of
        the Jacobian J of the one token by the other.
    """

    token: Token
    values: np.ndarray

    @property
    def reached(self) -> int:
        """How many tokens it hears of, itself included."""
        return int(np.count_nonzero(self.values))

    def shares(self, own_window: np.ndarray) -> dict[str, float]:
        """The share of the squared gradient from each of PLACES; `own_window` (t, h, w) is bool."""
        frame = np.arange(len(self.values))[:, None, None]
        alone = np.zeros(self.values.shape, bool)
        alone[self.token] = True
        masks = (
            *(alone, own_window & ~alone, (frame == self.token[0]) & ~own_window),
            *((frame < self.token[0]) & ~own_window, (frame > self.token[0]) & ~own_window),
        )
        squares = self.values**2
        total = squares.sum() or 1.0
        return {
            place: float((squares * mask).sum() / total)
            for place, mask in zip(PLACES, masks, strict=True)
        }


def token_reach(model: Moma, clip: Tensor, token: Token, generator: torch.Generator) -> TokenReach:
    """What a token hears of in a clip (C, T, H, W). Raises AdaptationError for one there is not."""
    with torch.enable_grad():
        steps = model.steps(clip[None].detach().requires_grad_())
        entering = next(steps).patches
        grid = tuple(entering.shape[1:4])
        if not all(0 <= place < side for place, side in zip(token, grid, strict=True)):
            raise AdaptationError(
                f"There is no token {token}; frame, row and column run from 0 to "
                f"{', '.join(str(side - 1) for side in grid)}."
            )
        for step in steps:
            leaving = step.patches
        heard = leaving[(0, *token)]
    signs = torch.randint(2, (_DIRECTIONS, len(heard)), generator=generator).to(heard) * 2 - 1
    # One after another through one graph: together they would take as many times its memory.
    gradients = (torch.autograd.grad(heard, entering, v, retain_graph=True)[0] for v in signs)
    squares = sum(gradient[0].double().square().sum(-1) for gradient in gradients) / _DIRECTIONS
    return TokenReach(token, squares.sqrt().numpy())


def own_window(window: Window, grid: tuple[int, int, int], token: Token) -> np.ndarray:
    """Which tokens of a grid (t, h, w) attend together with one of them: bool (t, h, w)."""
    t, h, w = grid
    number = (token[0] * h + token[1]) * w + token[2]
    for group in window_groups(window, grid):
        rows = (group.tokens == number).any(1)
        if rows.any():
            mask = np.zeros(t * h * w, bool)
            mask[group.tokens[rows].flatten().numpy()] = True
            return mask.reshape(grid)
    raise AdaptationError(f"There is no token {token} in a grid of {t}, {h} and {w}.")
