"""Models of a scanning model's size, as a measure of what its arithmetic saves or adds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from analysis.layers.adaptor_config import AdaptorConfig
from analysis.models import model_config
from analysis.models.frozen_clip_config import FrozenClipConfig
from analysis.models.vmamba import VMambaConfig
from analysis.profiling.flops import Arithmetic, model_arithmetic

# Channels of a head in all published sizes.
_HEAD_WIDTH = 64
_PEERS = {
    "timesformer_tiny_joint": "TimeSformer joint",
    "timesformer_tiny_divided": "TimeSformer divided",
    "vivit_tiny_joint": "ViViT joint",
    "vivit_tiny_factorised": "ViViT factorised",
    "vit_tiny": "ViT frame by frame",
}


@dataclass(frozen=True)
class TitledArithmetic:
    """The arithmetic of a model with a title for people.

    `architecture` is the registered name, sizes may be others.
    """

    architecture: str
    title: str
    arithmetic: Arithmetic


def arithmetic_peers(architecture: str, **overrides: Any) -> Iterator[TitledArithmetic]:
    """One by one, what a model's arithmetic is put beside.

    A model with adaptors stands beside its host without them, one over a frozen CLIP beside that
    CLIP looking at every frame by itself; then come the `attention_peers`. Raises as these.
    """
    config = model_config(architecture, **overrides)
    if isinstance(config, AdaptorConfig) and (config.adaptor_t or config.adaptor_s):
        host = {**overrides, "adaptor_t": False, "adaptor_s": False}
        arithmetic = model_arithmetic(architecture, **host)
        yield TitledArithmetic(architecture, "the same without adaptors", arithmetic)
    if isinstance(config, FrozenClipConfig):
        probe = {"adapters": "none", "num_classes": config.num_classes}
        fields = {**probe, "tower": config.tower, "num_frames": config.num_frames}
        arithmetic = model_arithmetic("clip_probe_mini", **fields)
        yield TitledArithmetic("clip_probe_mini", "its CLIP frame by frame", arithmetic)
    if not isinstance(config, VMambaConfig):  # whose stages have four widths
        yield from attention_peers(architecture, **overrides)


def attention_peers(architecture: str, **overrides: Any) -> Iterator[TitledArithmetic]:
    """One by one, the attention models of this project as wide as a model and about as large.

    They have half as many blocks, since a block of attention and MLP has about the weights
    of two Mamba blocks (12 D^2 and 6 D^2), and ViViT's second encoder a third of its first, at most
    the four blocks published; for Ti, S and B that gives their namesakes. Over a CLIP, whose layers
    have attention and MLP, they have as many blocks and heads as it: L/14 gives its namesakes.
    Frames, resolution, patches and classes are the same; tubelets too, but ViViT's span two frames
    as published, so it is left out where the number of frames is odd. An image has one peer, ViT.

    Raises ProfilingError as `model_arithmetic` does, and UnknownModelError.
    """
    config = model_config(architecture, **overrides)
    fields = {
        **_depth_and_heads(config),
        "width": config.width,
        "num_frames": config.num_frames,
        "image_size": config.image_size,
        "patch_size": config.patch_size,
        "num_classes": config.num_classes,
    }
    for name, title in _PEERS.items():
        peer = {**fields, "tubelet": 2 if name.startswith("vivit") else config.tubelet}
        if name == "vivit_tiny_factorised":
            peer["temporal_depth"] = min(4, max(1, fields["depth"] // 3))
        if config.num_frames is None:
            possible = name == "vit_tiny"
        else:
            possible = config.num_frames % peer["tubelet"] == 0
        if possible:
            yield TitledArithmetic(name, title, model_arithmetic(name, **peer))


def _depth_and_heads(config: Any) -> dict[str, int]:
    if isinstance(config, FrozenClipConfig):
        return {"depth": config.layers, "heads": config.tower.heads}
    heads = config.width // _HEAD_WIDTH if config.width % _HEAD_WIDTH == 0 else 1
    return {"depth": max(1, config.depth // 2), "heads": heads}
