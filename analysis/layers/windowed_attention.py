"""Self-attention inside windows of a clip's token grid: MoMa's Divide (arXiv 2506.23283)."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.ops.attention import attention
from analysis.ops.region import region
from analysis.ops.scan_order import inverse_permutation

Window = int | tuple[int, int, int] | None
"""Sides of a window in tokens: of a square in every frame, (frames, rows, columns), or None for
whole frames."""


@dataclass(frozen=True, eq=False)
class WindowGroup:
    """Windows of the same sides (frames, rows, columns).

    tokens: canonical numbers (windows, n) of the tokens inside, row-major in each window.
    frames: the frames that each window spans, (windows, frames).
    """

    sides: tuple[int, int, int]
    tokens: Tensor
    frames: Tensor


# Kept indices serve training too, so they are never inference-mode tensors.
@lru_cache(maxsize=64)
@torch.inference_mode(False)
def window_groups(window: Window, grid: tuple[int, int, int]) -> tuple[WindowGroup, ...]:
    """The windows of a grid (t, h, w), side by side from the first token on.

    Where a side is no multiple of the window's, the last windows are smaller. They make groups of
    their own, so that nothing is ever padded. Shared between calls: do not write to them.
    """
    t, h, w = grid
    sides = (1, h, w) if window is None else window
    sides = (1, sides, sides) if isinstance(sides, int) else sides
    runs = [_runs(length, min(side, length)) for length, side in zip(grid, sides, strict=True)]
    numbers = torch.arange(t * h * w).view(grid)
    groups = []
    for part in product(*runs):
        spans, sides = zip(*part, strict=True)
        tokens = numbers[spans]
        for axis, side in enumerate(sides):
            tokens = tokens.unfold(axis, side, side)
        tokens = tokens.reshape(-1, sides[0] * sides[1] * sides[2])
        frames = tokens[:, :: sides[1] * sides[2]] // (h * w)
        groups.append(WindowGroup(sides, tokens, frames))
    return tuple(groups)


def _runs(length: int, side: int) -> list[tuple[slice, int]]:
    """One axis: the tokens in full windows, and the rest, which is one smaller window."""
    full = length // side * side
    runs = [(slice(0, full), side)]
    return runs if full == length else [*runs, (slice(full, length), length - full)]


class WindowedAttention(nn.Module):
    """The attention of a transformer's layer, its weights as they are, with fewer to look at.

    A patch sees the patches of its window. Where frames have a class token, it also sees its own
    frame's, and the class token sees all patches of its frame and itself.

    Args:
        window: see `Window`.
        kernel: one of `analysis.ops.attention.ATTENTION_KERNELS`.
    """

    def __init__(self, window: Window, kernel: str = "sdpa"):
        super().__init__()
        self.window = tuple(window) if isinstance(window, list) else window
        self.kernel = kernel

    def forward(
        self, attn: nn.MultiheadAttention, patches: Tensor, cls: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """What patches (B, t, h, w, D) and class tokens (B, t, D) gather, in the same shapes."""
        with region("qkv"):
            of_patches = _projected(attn, patches.flatten(1, 3))
            of_cls = None if cls is None else _projected(attn, cls)
        groups = window_groups(self.window, tuple(patches.shape[1:4]))
        with region("attention"):
            inside = torch.cat([self._within(g, of_patches, of_cls) for g in groups], dim=1)
            read = torch.cat([group.tokens.flatten() for group in groups])
            inside = inside[:, inverse_permutation(read).to(inside.device)]
            gathered = None if cls is None else self._of_frames(of_patches, of_cls)
        with region("out_proj"):
            found = attn.out_proj(inside).view(patches.shape)
            return found, None if cls is None else attn.out_proj(gathered)

    def _within(self, group: WindowGroup, patches: Tensor, cls: Tensor | None) -> Tensor:
        """What the patches of a group gather, window after window: (B, windows * n, D).

        `patches` (B, L, 3, heads, d) and `cls` (B, t, 3, heads, d) are queries, keys and values. A
        window of several frames has several class tokens, of which each patch sees one.
        """
        tokens = group.tokens.to(patches.device)
        windows = patches[:, tokens.flatten()].unflatten(1, tokens.shape)
        q, k, v = windows.flatten(0, 1).unbind(2)
        mask = None
        if cls is not None:
            own = cls[:, group.frames.to(cls.device)].flatten(0, 1)
            k, v = (torch.cat([own[:, :, i], x], dim=1) for i, x in ((1, k), (2, v)))
            mask = _other_frames(group.sides, q.device) if group.sides[0] > 1 else None
        return self._attend(q, k, v, mask).reshape(len(patches), tokens.numel(), -1)

    def _of_frames(self, patches: Tensor, cls: Tensor) -> Tensor:
        """What class tokens gather from all patches of their frame and themselves: (B, t, D)."""
        batch, frames = cls.shape[:2]
        patches = patches.unflatten(1, (frames, -1))
        together = torch.cat([cls[:, :, None], patches], dim=2).flatten(0, 1)
        q, k, v = together.unbind(2)
        return self._attend(q[:, :1], k, v).reshape(batch, frames, -1)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attention over sequences (N, n, heads, d)."""
        heads_first = (x.transpose(1, 2) for x in (q, k, v))
        return attention(*heads_first, kernel=self.kernel, mask=mask).transpose(1, 2)


def _projected(attn: nn.MultiheadAttention, tokens: Tensor) -> Tensor:
    """Queries, keys and values (B, L, 3, heads, d) of tokens (B, L, D)."""
    joint = F.linear(tokens, attn.in_proj_weight, attn.in_proj_bias)
    return joint.unflatten(-1, (3, attn.num_heads, -1))


def _other_frames(sides: tuple[int, int, int], device: torch.device) -> Tensor:
    """Which of [class tokens, patches] a patch of a window does not see: the other frames' CLS."""
    frames, rows, columns = sides
    own = torch.arange(frames, device=device).repeat_interleave(rows * columns)
    other = own[:, None] != torch.arange(frames, device=device)
    return torch.cat([other, other.new_zeros(len(own), len(own))], dim=1)
