"""MoMa (arXiv 2506.23283): a frozen CLIP that looks at video, modulated by state-space layers.

Every layer of CLIP's image tower attends inside windows (Divide), is modulated by a selective scan
over the whole clip (Modulate) and goes on with its own perceptron. Only the scans are trained. The
paper's code is not public: what its descriptions leave open is decided here and said to be ours.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from analysis.layers.grid_scan import Path, layer_paths, paths_of
from analysis.layers.modulation import Modulation, Modulator
from analysis.layers.windowed_attention import WindowedAttention
from analysis.models.clip_tower import (
    ClipTower,
    ClipTowerConfig,
    clip_tower_b16,
    clip_tower_l14,
    clip_tower_mini,
)
from analysis.models.embedding_head import make_head
from analysis.models.moma_config import ATTEND, MODULATE, MomaConfig
from analysis.models.registry import register_model
from analysis.ops.region import region


@dataclass(frozen=True, eq=False)
class Step:
    """The tokens after one step of a pass.

    kind: "embed" (what enters the first layer), "attend", "modulate" or "think".
    patches: (B, t, h, w, D). cls: a class token a frame (B, t, D), None where there are none.
    modulation: what happened, where the step is one.
    """

    kind: str
    patches: Tensor
    cls: Tensor | None
    modulation: Modulation | None = None


class Moma(nn.Module):
    """A frozen tower, modulators and a head; gradients are asked for outside the tower only."""

    def __init__(self, config: MomaConfig):
        super().__init__()
        self.config, self.token_grid = config, config.token_grid
        self.tower = ClipTower(config.tower).requires_grad_(False)
        self.divide = WindowedAttention(config.window, config.attention_kernel)
        self.modulators = nn.ModuleList(self._modulator() for _ in range(config.modulations))
        self._read(config.layer_paths)
        self._scan_order = config.scan_order
        if config.temporal_embedding:
            moments = torch.zeros(1, config.num_frames, 1, 1, config.width)
            self.temporal_embedding = nn.Parameter(moments)
        self.head = make_head(config.head, config.tower.output_dim, config.num_classes)
        # Recompute steps in the backward pass instead of keeping their inside; set by training.
        self.checkpoint_layers = False

    def _modulator(self) -> Modulator:
        config = self.config
        return Modulator(
            config.width,
            config.inner,
            config.fusion,
            config.zero_init,
            scans=config.scans,
            bidirectional=config.bidirectional,
            gate=config.gate,
            share_scans=config.share_scans,
            state_size=config.state_size,
            conv_width=config.conv_width,
        )

    def _read(self, paths: tuple[tuple[Path, ...], ...]) -> None:
        for modulator, own in zip(self.modulators, paths, strict=True):
            modulator.ssm.set_paths(own)

    @property
    def scan_order(self) -> str | None:
        """The scan order in use; None where the paths are those of none."""
        return self._scan_order

    def set_scan_order(self, scan_order: str) -> None:
        """Reads tokens in another scan order from now on; parameters stay as they are.

        Raises ValueError for an unknown one, and for one with a path that has no parameters where
        every path has its own.
        """
        self._read(layer_paths(scan_order, len(self.modulators)))
        self._scan_order = scan_order

    def set_scans(self, scans: tuple[str, ...], bidirectional: bool) -> None:
        """Reads these token orders in every layer, as `set_scan_order` reads others.

        Raises ValueError as it does.
        """
        self._read((paths_of(scans, bidirectional),) * len(self.modulators))
        read = replace(self.config, plan=None, scans=scans, bidirectional=bidirectional)
        self._scan_order = read.scan_order

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, num_classes) of clips (B, C, T, H, W)."""
        embeddings = self.encode_clips(clip)
        with region("head"):
            return self.head(embeddings)

    def encode_clips(self, clip: Tensor) -> Tensor:
        """Clips (B, C, T, H, W) to directions (B, output_dim) of unit length, as texts have.

        The mean of the last tokens through CLIP's own last norm and projection.
        """
        return self.directions(self._last_step(clip))

    def directions(self, last: Step) -> Tensor:
        """What is read out of the tokens after the last step: the directions of `encode_clips`."""
        tokens = last.cls if self.config.readout == "cls" else last.patches.flatten(1, 3)
        return F.normalize(self.tower.project(tokens.mean(1)), dim=-1)

    def forward_features(self, clip: Tensor) -> Tensor:
        """The patch tokens (B, t, h, w, D) after the last step, before the read-out."""
        return self._last_step(clip).patches

    @torch.no_grad()
    def encode_frozen(self, clip: Tensor) -> Tensor:
        """What CLIP itself says of clips: directions (B, output_dim) of unit length.

        The mean over frames of its image embeddings, without windows and modulation. Teacher of the
        distillation loss; the weights are the tower's own.
        """
        return F.normalize(self.tower(clip).mean(1), dim=-1)

    def steps(self, clip: Tensor) -> Iterator[Step]:
        """What enters the first layer, then the tokens after every step, which runs as it is read.

        Raises ValueError for a clip of another size, and for another number of frames where there
        is a temporal embedding.
        """
        with region("embed"):
            patches, cls = self._embed(clip)
        yield Step("embed", patches, cls)
        blocks, modulators = iter(self.tower.transformer.resblocks), iter(self.modulators)
        for kind in self.config.steps:
            modulation = None
            if kind == ATTEND:
                block = next(blocks)
                patches, cls = self._run(self._attended, block, patches, cls)
            elif kind == MODULATE:
                modulation = self._run(next(modulators), patches)
                patches = modulation.out
            else:
                patches, cls = self._run(_thought, block, patches, cls)
            yield Step(kind, patches, cls, modulation)

    def _run(self, function: Callable, *arguments: Any) -> Any:
        if self.checkpoint_layers and torch.is_grad_enabled():
            function = partial(checkpoint, function, use_reentrant=False)
        return function(*arguments)

    def _last_step(self, clip: Tensor) -> Step:
        for step in self.steps(clip):  # noqa: B007  the last one is wanted
            pass
        return step

    def _embed(self, clip: Tensor) -> tuple[Tensor, Tensor | None]:
        frames = self.tower.embed(clip).unflatten(0, (len(clip), -1))
        grid = self.token_grid
        patches = frames[:, :, 1:].unflatten(2, (grid.h, grid.w))
        if self.config.temporal_embedding:
            if patches.shape[1] != self.config.num_frames:
                raise ValueError(
                    f"the temporal embedding has {self.config.num_frames} frames, got a clip of "
                    f"{patches.shape[1]}"
                )
            patches = patches + self.temporal_embedding
        return patches, frames[:, :, 0] if self.config.cls_mode == "frame" else None

    def _attended(
        self, block: nn.Module, patches: Tensor, cls: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        with region("norm"):
            normed = [None if x is None else block.ln_1(x) for x in (patches, cls)]
        gathered, by_cls = self.divide(block.attn, *normed)
        return patches + gathered, None if cls is None else cls + by_cls


def _thought(block: nn.Module, patches: Tensor, cls: Tensor | None) -> tuple[Tensor, Tensor | None]:
    with region("mlp"):
        return block.think(patches), None if cls is None else block.think(cls)


_register = register_model("moma", Moma)


def _config(
    base: MomaConfig, image_size: Any = None, scan_order: str | None = None, **overrides: Any
) -> MomaConfig:
    """`base` with fields replaced; the size of frames belongs to the tower.

    A `scan_order` other than the one that its `scans` amount to is the `plan`.
    """
    config = replace(base, **overrides)
    if image_size is not None:
        config = replace(config, tower=replace(config.tower, image_size=image_size))
    return config if scan_order in (None, config.scan_order) else replace(config, plan=scan_order)


@_register
def moma_b16(**overrides: Any) -> MomaConfig:
    """The published size on ViT-B/16."""
    return _config(MomaConfig(tower=clip_tower_b16()), **overrides)


@_register
def moma_l14(**overrides: Any) -> MomaConfig:
    """The published size on ViT-L/14."""
    return _config(MomaConfig(tower=clip_tower_l14()), **overrides)


@_register
def moma_mini(**overrides: Any) -> MomaConfig:
    """Small enough to train on two cores, over the picture tower of `clip_mini`. Ours.

    Every path has parameters of its own: one set for all reads a clip and the same clip turned
    round, last token first, alike, so that little tells a move from its opposite.
    """
    fields = {"window": 4, "share_scans": False, "state_size": 8}
    fields |= {"num_classes": 9, "head": "linear"}
    return _config(MomaConfig(tower=clip_tower_mini(), **fields), **overrides)


@_register
def moma_debug(**overrides: Any) -> MomaConfig:
    """Small enough for tests. Ours."""
    tower = ClipTowerConfig(32, 8, width=32, layers=2, heads=4, output_dim=16)
    fields = {"num_frames": 4, "num_classes": 5, "window": 2, "state_size": 4}
    return _config(MomaConfig(tower=tower, **fields), **overrides)
