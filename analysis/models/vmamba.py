"""VMamba (arXiv 2401.10166) of the kind its code calls v05_noz: four stages of cross-scan blocks.

State-dict names and shapes are those of the published checkpoints.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from analysis.layers.cross_scan import CrossScan
from analysis.layers.token_grid import ClassFreeGrid
from analysis.models.initialization import initialize_vmamba
from analysis.models.registry import register_model
from analysis.ops.drop_path import drop_path
from analysis.ops.region import region


@dataclass(frozen=True)
class VMambaConfig:
    """Everything that shapes a VMamba.

    widths: D of the four stages; depths: their blocks. expand: E / D. image_size is what the model
    is meant for, one side or (height, width) in pixels: it takes any.
    """

    widths: tuple[int, ...] = (96, 192, 384, 768)
    depths: tuple[int, ...] = (2, 2, 8, 2)
    expand: float = 1
    state_size: int = 1
    mlp_ratio: float = 4
    image_size: int | tuple[int, int] = 224
    in_channels: int = 3
    num_classes: int = 1000
    drop_path_rate: float = 0.0
    num_frames: None = None

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.depths):
            raise ValueError(
                f"every stage has a width and a depth, got {len(self.widths)} and "
                f"{len(self.depths)} of them"
            )
        if self.num_frames is not None:
            raise ValueError("VMamba takes single images; leave num_frames out")

    @property
    def patch_size(self) -> int:
        """Pixels a side of a token of the first stage."""
        return 4

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of an image in pixels."""
        size = self.image_size
        return (size, size) if isinstance(size, int) else tuple(size)

    @property
    def token_grid(self) -> ClassFreeGrid:
        """The grid of the first stage: a stride of 2 twice, what is odd rounded up."""
        return ClassFreeGrid(1, *(-(-side // 4) for side in self.frame_size))


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (B, C, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Mlp(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class VMambaBlock(nn.Module):
    """x + cross-scan(norm(x)), then x + MLP(norm(x)), on tokens (B, h, w, D)."""

    def __init__(self, width: int, config: VMambaConfig, drop_rate: float):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.op = CrossScan(width, config.state_size, config.expand)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, int(width * config.mlp_ratio))
        self.drop_rate = drop_rate

    def forward(self, x: Tensor) -> Tensor:
        with region("norm"):
            normed = self.norm(x)
        x = x + drop_path(self.op(normed), self.drop_rate, self.training)
        with region("norm"):
            normed = self.norm2(x)
        with region("mlp"):
            thought = self.mlp(normed)
        return x + drop_path(thought, self.drop_rate, self.training)


class VMamba(nn.Module):
    """Stem, stages that each halve the resolution, and a classifier over the mean pixel."""

    def __init__(self, config: VMambaConfig):
        super().__init__()
        self.config = config
        self.token_grid = config.token_grid
        first, last = config.widths[0], config.widths[-1]
        # Gaps in the numbers are where the published model permutes axes or keeps them.
        self.patch_embed = _numbered(
            {
                0: nn.Conv2d(config.in_channels, first // 2, 3, stride=2, padding=1),
                2: ChannelNorm(first // 2),
                4: nn.GELU(),
                5: nn.Conv2d(first // 2, first, 3, stride=2, padding=1),
                7: ChannelNorm(first),
            }
        )
        self.layers = nn.ModuleList(self._stages())
        self.classifier = nn.Sequential(
            OrderedDict(norm=nn.LayerNorm(last), head=_head(last, config.num_classes))
        )
        initialize_vmamba(self)

    def _stages(self) -> Iterator[nn.Sequential]:
        config, total, number = self.config, sum(self.config.depths), 0
        for stage, (width, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
            rates = [config.drop_path_rate * (number + i) / max(total - 1, 1) for i in range(depth)]
            number += depth
            blocks = nn.Sequential(*(VMambaBlock(width, config, rate) for rate in rates))
            parts = OrderedDict(blocks=blocks)
            if stage + 1 < len(config.widths):
                following = config.widths[stage + 1]
                conv = nn.Conv2d(width, following, 3, stride=2, padding=1)
                parts["downsample"] = _numbered({1: conv, 3: ChannelNorm(following)})
            yield nn.Sequential(parts)

    def stages(self, image: Tensor) -> Iterator[Tensor]:
        """What the blocks of each stage make of images (B, C, H, W): tokens (B, h, w, D)."""
        with region("embed"):
            x = self.patch_embed(image)
        for stage in self.layers:
            x = stage.blocks(x.permute(0, 2, 3, 1))
            yield x
            if hasattr(stage, "downsample"):
                with region("embed"):
                    x = stage.downsample(x.permute(0, 3, 1, 2))

    def forward_features(self, image: Tensor) -> Tensor:
        """Normalised tokens (B, h * w, D) of the last stage, rows one after the other."""
        *_, last = self.stages(image)
        with region("norm"):
            return self.classifier.norm(last).flatten(1, 2)

    def readout(self, features: Tensor) -> Tensor:
        """The mean (B, D) of tokens (B, L, D)."""
        return features.mean(1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, num_classes) of images (B, C, H, W)."""
        features = self.forward_features(image)
        with region("head"):
            return self.classifier.head(self.readout(features))


def _numbered(modules: dict[int, nn.Module]) -> nn.Sequential:
    return nn.Sequential(OrderedDict((str(number), module) for number, module in modules.items()))


def _head(width: int, num_classes: int) -> nn.Module:
    return nn.Linear(width, num_classes) if num_classes else nn.Identity()


SIZES: dict[str, dict[str, Any]] = {
    "b1": {"widths": (48, 96, 192, 384)},
    "tiny": {},
    "tiny_wide": {"depths": (2, 2, 5, 2), "expand": 2},
    "debug": {
        "widths": (8, 16, 32, 64),
        "depths": (1, 1, 2, 1),
        "image_size": 64,
        "num_classes": 10,
    },
}
"""Fields of `VMambaConfig` by size: the published tiny one, with depths 2, 2, 8, 2 or twice the
inner width; b1, half as wide, and debug are ours."""

_variant = register_model("vmamba", VMamba)


def _register_size(size: str) -> None:
    def configure(**overrides: Any) -> VMambaConfig:
        return replace(VMambaConfig(), **{**SIZES[size], **overrides})

    configure.__name__ = f"vmamba_{size}"
    _variant(configure)


for _size in SIZES:
    _register_size(_size)
