"""What a profile is of: a model by name, and a clip as that model reads it."""

import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from analysis.models import create_model, list_classifiers, model_family
from analysis.nearest_names import nearest
from analysis.prediction import SampledClip, read_clip
from analysis.profiling.clip_size import clip_tokens
from analysis.profiling.errors import ProfilingError
from analysis.video.preprocess import video_preprocessing
from analysis.weights import (
    LoadedModel,
    ModelPlan,
    WeightsCard,
    can_classify,
    list_weights,
    load_model,
)
from analysis.weights.attention_models import load_attention_model

_SEED = 0


@dataclass(frozen=True, eq=False)
class Subject:
    """A model and one clip (C, T, H, W) for it.

    name: of weights, or of an architecture with random weights. scan_order: None for models that
    do not scan.
    """

    name: str
    training: str
    scan_order: str | None
    model: nn.Module
    clip: Tensor

    @property
    def frames(self) -> int:
        """Frames that the model reads, 1 of an image."""
        return self.model.config.num_frames or 1

    @property
    def tokens(self) -> int:
        """L: patches, and the class tokens there are."""
        return clip_tokens(self.model.config)

    def facts(self) -> dict[str, Any]:
        """The setting as JSON."""
        height, width = self.model.config.frame_size
        return {
            "model": self.name,
            "trained": self.training != "untrained",
            "num_frames": self.frames,
            "image_size": height if height == width else [height, width],
            "tokens": self.tokens,
            "scan_order": self.scan_order,
        }


def subject_of(loaded: LoadedModel, sampled: SampledClip) -> Subject:
    """A model that is loaded already."""
    order = getattr(loaded.model, "scan_order", None)
    return Subject(loaded.card.name, loaded.card.training, order, loaded.model, sampled.clip)


def load_subject(
    name: str,
    path: str | os.PathLike,
    *,
    num_frames: int | None = None,
    image_size: int | None = None,
    scan_order: str | None = None,
    attention_kernel: str | None = None,
    weights_file: str | os.PathLike | None = None,
) -> Subject:
    """Loads the weights called `name`, or makes the architecture of that name with random weights.

    Sizes and order are the model's own where none is given; `attention_kernel` is for models that
    attend. `weights_file` holds the tensors: of a VideoMamba in a published layout, of a
    TimeSformer or ViViT in that of the `transformers` library.

    Raises ProfilingError for names and settings that do not exist, and what `load_model` and
    `read_clip` raise, one sentence each.
    """
    cards = {card.name for card in list_weights() if can_classify(card)}
    if name not in cards and name not in list_classifiers():
        known = (*list_classifiers(), *sorted(cards))
        raise ProfilingError(f"there is no model {name!r}; {nearest(name, known)}")
    if name in cards:
        if attention_kernel is not None:
            raise ProfilingError(f"{name} does not attend; leave the attention kernel out")
        sizes = {"num_frames": num_frames, "image_size": image_size, "scan_order": scan_order}
        loaded = load_model(name, **sizes, weights_file=weights_file)
        return subject_of(loaded, read_clip(path, loaded))
    given = {
        "num_frames": num_frames,
        "image_size": image_size,
        "scan_order": scan_order,
        "attention_kernel": attention_kernel,
    }
    fields = {field: value for field, value in given.items() if value is not None}
    if weights_file is None:
        model, training = _untrained(name, fields), "untrained"
    else:
        model, training = load_attention_model(weights_file, name, **fields), "trained"
    sampled = read_clip(path, _reading_plan(name, model))
    order = getattr(model, "scan_order", None)
    return Subject(name, training, order, model, sampled.clip)


def _untrained(architecture: str, overrides: dict[str, Any]) -> nn.Module:
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_SEED)
            return create_model(architecture, **overrides).eval()
    except TypeError as error:
        refused = ", ".join(field for field in overrides if f"'{field}'" in str(error))
        raise ProfilingError(f"{architecture} has no {refused or 'such setting'}") from error
    except ValueError as error:
        raise ProfilingError(f"{architecture} can't be made like this: {error}") from error


def _reading_plan(architecture: str, model: nn.Module) -> ModelPlan:
    """How a clip is read for a model without weights: the published rule for videos."""
    config = model.config
    preprocessing = video_preprocessing(config.frame_size[0])
    card = WeightsCard(
        name=architecture,
        architecture=architecture,
        tag="",
        family=model_family(architecture),
        training="untrained",
        data="",
        labels=None,
        overrides={},
        num_frames=config.num_frames,
        image_size=config.frame_size[0],
        scan_order=getattr(config, "scan_order", ""),
        readout=getattr(config, "readout", "cls"),
        preprocessing=preprocessing,
    )
    return ModelPlan(card, config, preprocessing)
