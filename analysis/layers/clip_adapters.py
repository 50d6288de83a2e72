"""Layers of a frozen CLIP with small trained ones beside them, as two methods for video have them.

ST-Adapter (arXiv 2206.13559): before attention, a bottleneck with a depthwise convolution over
three frames. AIM (arXiv 2302.03024): the frozen attention looks along time too, with bottlenecks
after both attentions and beside the perceptron. Places, widths, scales and starts are the papers';
the tower's own layers, the read-out and the head are those of this project's MoMa.

Tokens are (B, t, n, 1, D): n = 1 + h*w of every frame, the class token first.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from analysis.layers.windowed_attention import WindowedAttention
from analysis.ops.region import region

_MLP_SHARE = 0.5
"""What AIM multiplies the adapter beside the perceptron with."""


class PlainLayer(nn.Module):
    """A layer of the tower as it is, frame by frame; base of those with adapters."""

    def __init__(self, width: int, frames: int, kernel: str = "sdpa"):
        super().__init__()
        self.divide = WindowedAttention(None, kernel)

    def forward(self, block: nn.Module, x: Tensor) -> Tensor:
        """Tokens after the tower's `block`."""
        x = x + self.attended(self.divide, block, x)
        with region("mlp"):
            return block.think(x)

    @staticmethod
    def attended(attend: WindowedAttention, block: nn.Module, x: Tensor) -> Tensor:
        """What the frozen attention of `block` gathers for tokens in the windows of `attend`."""
        with region("norm"):
            normed = block.ln_1(x)
        return attend(block.attn, normed)[0]


class StAdapterLayer(PlainLayer):
    """A layer after an ST-Adapter of half its width; class tokens pass it by.

    Its convolution starts at zero, so that the layer starts as the tower's.
    """

    def __init__(self, width: int, frames: int, kernel: str = "sdpa"):
        super().__init__(width, frames, kernel)
        inner = width // 2
        self.down, self.up = nn.Linear(width, inner), nn.Linear(inner, width)
        self.conv = nn.Conv1d(inner, inner, 3, padding=1, groups=inner)
        for tensor in (self.conv.weight, self.conv.bias, self.down.bias, self.up.bias):
            nn.init.zeros_(tensor)

    def forward(self, block: nn.Module, x: Tensor) -> Tensor:
        """Tokens after adapter and `block`."""
        with region("adapter"):
            said = self._over_time(x[:, :, 1:])
            x = x + F.pad(said, (0, 0, 0, 0, 1, 0))
        return super().forward(block, x)

    def _over_time(self, patches: Tensor) -> Tensor:
        """Every place (B, t, h*w, 1, D) for itself, three frames at a time."""
        narrow = self.down(patches).flatten(2, 3).permute(0, 2, 3, 1)
        moved = self.conv(narrow.flatten(0, 1)).unflatten(0, narrow.shape[:2])
        return self.up(moved.permute(0, 3, 1, 2))[:, :, :, None]


class Bottleneck(nn.Module):
    """A quarter of the width with GELU between; says nothing at the start."""

    def __init__(self, width: int):
        super().__init__()
        self.down, self.up = nn.Linear(width, width // 4), nn.Linear(width // 4, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Of tokens (..., D)."""
        with region("adapter"):
            return self.up(F.gelu(self.down(x)))


class AimLayer(PlainLayer):
    """A layer that attends along time, within frames, and thinks, an adapter at each."""

    def __init__(self, width: int, frames: int, kernel: str = "sdpa"):
        super().__init__(width, frames, kernel)
        self.temporal_attn = WindowedAttention((frames, 1, 1), kernel)
        self.after_time, self.after_space = Bottleneck(width), Bottleneck(width)
        self.beside_mlp = Bottleneck(width)

    def forward(self, block: nn.Module, x: Tensor) -> Tensor:
        """Tokens after `block` and its adapters."""
        x = x + self.after_time(self.attended(self.temporal_attn, block, x))
        gathered = self.attended(self.divide, block, x)
        x = x + gathered + self.after_space(gathered)
        with region("norm"):
            normed = block.ln_2(x)
        with region("mlp"):
            thought = block.think(x)
        return thought + _MLP_SHARE * self.beside_mlp(normed)


LAYERS: dict[str, type[PlainLayer]] = {
    "none": PlainLayer,
    "st_adapter": StAdapterLayer,
    "aim": AimLayer,
}
"""Layers by the method whose adapters they have."""
