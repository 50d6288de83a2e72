"""Attention models of a VideoMamba's size, as a measure of what its arithmetic saves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from analysis.models import model_config
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


def attention_peers(architecture: str, **overrides: Any) -> Iterator[TitledArithmetic]:
    """One by one, the attention models of this project as wide as a VideoMamba and about as large.

    They have half as many blocks, since a block of attention and MLP has about the weights
    of two Mamba blocks (12 D^2 and 6 D^2), and ViViT's second encoder a third of its first; for Ti,
    S and B that gives their namesakes. Frames,
    resolution, patches and classes are the same; tubelets too, but ViViT's span two frames as
    published, so it is left out where the number of frames is odd. An image has one peer, ViT.

    Raises ProfilingError as `model_arithmetic` does, and UnknownModelError.
    """
    config = model_config(architecture, **overrides)
    fields = {
        "width": config.width,
        "depth": max(1, config.depth // 2),
        "heads": config.width // _HEAD_WIDTH if config.width % _HEAD_WIDTH == 0 else 1,
        "num_frames": config.num_frames,
        "image_size": config.image_size,
        "patch_size": config.patch_size,
        "num_classes": config.num_classes,
    }
    for name, title in _PEERS.items():
        peer = {**fields, "tubelet": 2 if name.startswith("vivit") else config.tubelet}
        if name == "vivit_tiny_factorised":
            peer["temporal_depth"] = max(1, fields["depth"] // 3)
        if config.num_frames is None:
            possible = name == "vit_tiny"
        else:
            possible = config.num_frames % peer["tubelet"] == 0
        if possible:
            yield TitledArithmetic(name, title, model_arithmetic(name, **peer))
