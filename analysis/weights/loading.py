"""A model ready to answer: built, its parameters in place, in evaluation mode."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from analysis.models import create_model, is_classifier, model_config
from analysis.video.labels import label_names, numbered_labels
from analysis.video.preprocess import Preprocessing
from analysis.weights.card import WeightsCard, WeightsError
from analysis.weights.catalogue import weights_card
from analysis.weights.clip_alone import clip_alone_card, is_clip_alone, load_clip_alone
from analysis.weights.conversion import square_grid
from analysis.weights.fitting import (
    POS_EMBED,
    TEMPORAL,
    LoadReport,
    load_state_dict_with_report,
)
from analysis.weights.hub import Progress, fetch_checkpoint, local_checkpoint
from analysis.weights.reading import read_checkpoint

UNTRAINED_SEED = 0
_INFLATABLE = "videomamba_image_"
"""What the names of image models begin with that have a video model of the same size."""


@dataclass(frozen=True)
class LoadedModel:
    """A model with what is needed to feed it and to name its answers.

    model: in evaluation mode, on the CPU; its ``config`` has the frames, resolution and scan
        order it runs with, ``card`` those it was trained with.
    labels: a name per class; "class 0", "class 1", ... without named classes.
    preprocessing: the card's, at the resolution the model runs with.
    report: what became of each key of the checkpoint; for untrained weights every key is missing.
    content_hash: of the weights, for keys of result caches.
    """

    model: nn.Module
    card: WeightsCard
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    report: LoadReport
    content_hash: str

    @property
    def config(self) -> Any:
        """The configuration that the model runs with."""
        return self.model.config


@dataclass(frozen=True)
class ModelPlan:
    """What decides how a clip is read and cut into tokens; fields as in `LoadedModel`."""

    card: WeightsCard
    config: Any
    preprocessing: Preprocessing


def load_model(
    name: str,
    *,
    num_frames: int | None = None,
    image_size: int | None = None,
    scan_order: str | None = None,
    weights_file: str | Path | None = None,
    progress: Progress | None = None,
) -> LoadedModel:
    """Build the model of the weights called ``name`` and load them.

    ``num_frames`` and ``image_size`` (pixels) differ from the training ones at will: position
    tables are interpolated (``report.resized`` lists them). An image model given ``num_frames``
    above 1 is inflated to the video model of its size. ``scan_order`` replaces the trained order.
    ``weights_file`` is a file to use instead of fetching one; with an untrained card it may hold
    any weights of that architecture, whose classes, frames and resolution are read from it. Of a
    MoMa it may be a CLIP alone, see `analysis.weights.clip_alone`.
    ``progress(fraction, message)`` hears about a download.

    Raises WeightsError, one sentence, for unknown names, files that cannot be fetched or read,
    tensors that do not fit, and sizes the model cannot have.
    """
    card = _classifier_card(name)
    path = _weights_path(card, weights_file, progress)
    content_hash = weights_hash(card, path) if weights_file else checked_hash(card, path)
    state = read_checkpoint(path) if path else None
    own_file = state is not None and card.training == "untrained"
    alone = own_file and is_clip_alone(card.architecture, state)
    if own_file:
        card = (clip_alone_card if alone else _card_of_own_file)(card, state, path)
    card = _inflated(card, num_frames)
    model = initial_model(card, num_frames, image_size, scan_order)
    labels = _labels(card, model.config.num_classes)
    if alone:
        names = labels if card.training == "zero-shot" else ()
        report = load_clip_alone(model, state, path.parent, names)
    elif state is None:
        report = LoadReport(loaded=(), missing=tuple(model.state_dict()))
    else:
        source = None if weights_file else _trained_grid(card)
        report = load_state_dict_with_report(model, state, source_grid=source)
    return LoadedModel(
        model=model.eval(),
        card=card,
        labels=labels,
        preprocessing=replace(card.preprocessing, image_size=model.config.image_size),
        report=report,
        content_hash=content_hash,
    )


def plan_model(
    name: str, *, num_frames: int | None = None, image_size: int | None = None
) -> ModelPlan:
    """What ``load_model`` would build, without building it or needing the weights.

    Raises WeightsError, one sentence, for unknown names and sizes the model cannot have.
    """
    card = _inflated(_classifier_card(name), num_frames)
    try:
        config = model_config(card.architecture, **_options(card, num_frames, image_size, None))
    except ValueError as error:
        raise WeightsError(str(error)) from error
    return ModelPlan(
        card=card,
        config=config,
        preprocessing=replace(card.preprocessing, image_size=config.image_size),
    )


def can_classify(card: WeightsCard) -> bool:
    """Whether ``load_model`` can build a classifier for these weights."""
    return is_classifier(card.architecture)


def _classifier_card(name: str) -> WeightsCard:
    card = weights_card(name)
    if not can_classify(card):
        raise WeightsError(f"{card.name} cannot be loaded as a classifier: {card.note}")
    return card


def weights_hash(card: WeightsCard, weights_file: str | Path | None = None) -> str:
    """SHA-256 of the weights: of the file's bytes, or of the recipe of untrained weights.

    Raises WeightsError when the file of ``card`` is not on this machine.
    """
    path = Path(weights_file) if weights_file else local_checkpoint(card)
    if path is not None:
        try:
            status = path.stat()
            return _file_hash(path, status.st_mtime_ns, status.st_size)
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise WeightsError(f"{path.name} cannot be read: {reason}.") from error
    if card.training == "untrained":
        recipe = f"{card.architecture} {sorted(card.overrides.items())} seed {UNTRAINED_SEED}"
        return hashlib.sha256(recipe.encode()).hexdigest()
    raise WeightsError(f"{card.file} is not on this machine yet; load {card.name} first.")


def checked_hash(card: WeightsCard, path: Path | None) -> str:
    """As ``weights_hash``; raises WeightsError too for a file that is not the one of the card."""
    content_hash = weights_hash(card, path)
    if card.sha256 not in (None, content_hash):
        raise WeightsError(f"{card.file} is not the file its entry describes; restore it.")
    return content_hash


def initial_model(
    card: WeightsCard,
    num_frames: int | None = None,
    image_size: int | None = None,
    scan_order: str | None = None,
) -> nn.Module:
    """The model that a card's tensors fit, with its initial values from a fixed seed.

    Options as for ``load_model``. Raises WeightsError for sizes the model cannot have.
    """
    options = _options(card, num_frames, image_size, scan_order)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(UNTRAINED_SEED)
            return create_model(card.architecture, **options)
    except ValueError as error:
        raise WeightsError(str(error)) from error


@lru_cache(maxsize=32)
def _file_hash(path: Path, modified_ns: int, size: int) -> str:
    """The time and size are there so that a changed file is hashed again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _weights_path(
    card: WeightsCard, weights_file: str | Path | None, progress: Progress | None
) -> Path | None:
    if weights_file is not None:
        return Path(weights_file)
    return None if card.file is None else fetch_checkpoint(card, progress)


def _options(
    card: WeightsCard, num_frames: int | None, image_size: int | None, scan_order: str | None
) -> dict[str, Any]:
    for option, value in (("num_frames", num_frames), ("image_size", image_size)):
        if value is not None and value < 1:
            raise WeightsError(f"{option} is {value}; choose 1 or more.")
    options = dict(card.overrides)
    if scan_order is not None and card.scan_order is None:
        raise WeightsError(f"{card.name} has no scan order to choose; leave it out.")
    if card.scan_order is not None:
        options["scan_order"] = scan_order or card.scan_order
    if image_size is not None:
        options["image_size"] = image_size
    if num_frames is not None and "num_frames" in options:
        options["num_frames"] = num_frames
    return options


def _inflated(card: WeightsCard, num_frames: int | None) -> WeightsCard:
    """The card, or for an image model given several frames the video model of its size.

    Its frames are looked at, time is not learned.
    """
    if card.num_frames is not None or (num_frames or 1) <= 1:
        return card
    if not card.architecture.startswith(_INFLATABLE):
        raise WeightsError(f"{card.name} reads single images; ask for 1 frame, not {num_frames}.")
    return replace(
        card,
        architecture=card.architecture.replace(_INFLATABLE, "videomamba_"),
        overrides={**card.overrides, "num_frames": 1},
        reported_accuracy=None,
        accuracy_note="",
        note=f"{card.note} An image model inflated to video: it never learned motion.".strip(),
    )


def _card_of_own_file(card: WeightsCard, state: Mapping[str, Tensor], path: Path) -> WeightsCard:
    """The card of a visitor's checkpoint, its sizes read from its tensors."""
    config = model_config(card.architecture)
    overrides: dict[str, Any] = dict(card.overrides)
    if "head.weight" in state:
        overrides["num_classes"] = len(state["head.weight"])
    if TEMPORAL in state and state[TEMPORAL].ndim == 3:
        overrides["num_frames"] = state[TEMPORAL].shape[1] * config.tubelet
    if (
        POS_EMBED in state
        and state[POS_EMBED].ndim == 3
        and (grid := square_grid(state[POS_EMBED]))
    ):
        overrides["image_size"] = grid[0] * config.patch_size
    return replace(
        card,
        name=f"{card.architecture}.{path.stem}",
        tag=path.stem,
        training="trained",
        data="unknown data (a file of your own)",
        overrides=overrides,
        num_frames=overrides.get("num_frames"),
        image_size=overrides["image_size"],
        file=path.name,
        note="A file of your own: what it was trained on is not known here.",
    )


def _trained_grid(card: WeightsCard) -> tuple[int, int]:
    side = card.image_size // model_config(card.architecture, **card.overrides).patch_size
    return side, side


def _labels(card: WeightsCard, num_classes: int) -> tuple[str, ...]:
    if card.labels is None:
        return numbered_labels(num_classes)
    try:
        names = label_names(card.labels)
    except ValueError as error:
        raise WeightsError(str(error)) from error
    if len(names) != num_classes:
        raise WeightsError(
            f"{card.name} has {num_classes} classes, but the label order {card.labels} names "
            f"{len(names)}."
        )
    return names
