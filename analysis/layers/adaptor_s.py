"""Adaptor-S: a scan's output gathers its surroundings at several scales (Mamba-Adaptor)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.layers.adaptor_config import AdaptorConfig
from analysis.layers.token_grid import TokenGrid
from analysis.layers.visible_tokens import VisibleTokens


class AdaptorS(nn.Module):
    """Dilated depthwise 3 x 3 convolutions over the token grid, to be added to what they are given.

    Paper: multi-scale dilated depthwise kernels on the output of the directions together; kernel
    size and dilations are our design, see `AdaptorConfig`. Kernels have no bias.
    """

    def __init__(self, inner_width: int, config: AdaptorConfig):
        super().__init__()
        self.config = config
        scales = len(config.dilations)
        if config.branches == "split" and scales > inner_width:
            raise ValueError(f"{inner_width} channels can't be split among {scales} dilations")
        taps = (1, 3, 3) if config.kernel == "2d" else (3, 3, 3)
        for number, channels in enumerate(self._groups(torch.arange(inner_width))):
            kernel = nn.Parameter(torch.zeros(len(channels), 1, *taps))
            if not config.starts_as_identity:
                nn.init.kaiming_uniform_(kernel, a=math.sqrt(5))
                kernel.data /= scales
            self.register_parameter(f"kernel_{number}", kernel)

    def _groups(self, channels: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
        """The channels of every scale: all of them, or a share each."""
        scales = len(self.config.dilations)
        if self.config.branches == "split":
            return channels.tensor_split(scales, dim)
        return (channels,) * scales

    @property
    def kernels(self) -> tuple[nn.Parameter, ...]:
        """(channels, 1, 1 or 3, 3, 3), one a dilation."""
        return tuple(
            self.get_parameter(f"kernel_{number}") for number in range(len(self.config.dilations))
        )

    def forward(self, y: Tensor, grid: TokenGrid | VisibleTokens) -> Tensor:
        """What is to be added to tokens y (B, E, L) in canonical order; zero for CLS.

        Of visible tokens, what a mask hides counts as zero.
        """
        if isinstance(grid, VisibleTokens):
            index = grid.index[:, None].expand_as(y)
            whole = y.new_zeros(*y.shape[:2], grid.grid.length).scatter(2, index, y)
            return self(whole, grid.grid).gather(2, index)
        patches = y[:, :, grid.class_tokens :].unflatten(2, (grid.t, grid.h, grid.w))
        return F.pad(self.surroundings(patches).flatten(2), (grid.class_tokens, 0))

    def surroundings(self, y: Tensor) -> Tensor:
        """What the convolutions make of y (B, E, t, h, w); beyond the grid lie zeros."""
        parts = [
            self._convolved(part, kernel, dilation)
            for part, kernel, dilation in zip(
                self._groups(y, 1), self.kernels, self.config.dilations, strict=True
            )
        ]
        return torch.cat(parts, dim=1) if self.config.branches == "split" else sum(parts)

    def _convolved(self, y: Tensor, kernel: Tensor, dilation: int) -> Tensor:
        batch, channels, frames = y.shape[:3]
        if self.config.kernel == "3d":
            reach = (1, dilation, dilation)
            return F.conv3d(y, kernel, padding=reach, dilation=reach, groups=channels)
        single = y.transpose(1, 2).flatten(0, 1)
        out = F.conv2d(
            single, kernel[:, :, 0], padding=dilation, dilation=dilation, groups=channels
        )
        return out.unflatten(0, (batch, frames)).transpose(1, 2)
