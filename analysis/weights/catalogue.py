"""Every set of weights the program knows, by name."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

from analysis.models import list_models, model_config, model_family
from analysis.models.moma_config import MomaConfig
from analysis.nearest_names import nearest
from analysis.video.preprocess import image_preprocessing, video_preprocessing
from analysis.weights.card import WeightsCard, WeightsError
from analysis.weights.hub import download_folder
from analysis.weights.published import published_cards
from analysis.weights.shipped import read_card, shipped_cards

_SCANNING = ("videomamba", "moma", "mamba_adaptor", "vim", "vmamba")
_STARTS = {
    "moma": " Its frozen tower is random too, and its modulation begins as nothing.",
    "booster": " Its adaptors begin as nothing.",
}
"""What is to be known of a fresh model beside that."""

_LOG = logging.getLogger(__name__)


def list_weights() -> tuple[WeightsCard, ...]:
    """Shipped weights, your own, then the untrained models, then the published checkpoints."""
    return (*shipped_cards(), *own_cards(), *untrained_cards(), *published_cards())


def own_cards() -> tuple[WeightsCard, ...]:
    """Weights of your own: what `train --checkpoints` left in the download folder.

    A faulty entry is left out with a line in the log, so that it costs nobody the other weights.
    """
    cards = []
    for path in sorted(download_folder().glob("*.json")):
        try:
            cards.append(read_card(path))
        except WeightsError as error:
            _LOG.warning("%s is left out: %s", path.name, error)
    return tuple(cards)


def weights_card(name: str) -> WeightsCard:
    """The card called ``name``; raises WeightsError naming the nearest when there is none."""
    cards = {card.name: card for card in list_weights()}
    if name in cards:
        return cards[name]
    hint = nearest(name, cards, otherwise="list_weights() names them all.")
    raise WeightsError(f"There are no weights called {name!r}; {hint}")


@lru_cache(maxsize=1)
def untrained_cards() -> tuple[WeightsCard, ...]:
    """One card per model that scans, freshly initialised: 8 frames at 224 for full sizes.

    Debug sizes are left out, and so are the self-distillation students, which differ from their
    plain models only in a projection used in training. Attention models, which are there to be
    measured against, have no cards.
    """
    return tuple(
        _untrained_card(name)
        for family in _SCANNING
        for name in list_models(family)
        if not name.endswith(("_debug", "_distill"))
    )


def _untrained_card(architecture: str) -> WeightsCard:
    config = model_config(architecture)
    is_image = config.num_frames is None
    preprocessing = image_preprocessing if is_image else video_preprocessing
    overrides = {"image_size": config.image_size, "num_classes": config.num_classes}
    if not is_image:
        overrides["num_frames"] = config.num_frames
    return WeightsCard(
        name=f"{architecture}.untrained",
        architecture=architecture,
        tag="untrained",
        family=model_family(architecture),
        training="untrained",
        data="",
        labels=None,
        overrides=overrides,
        num_frames=config.num_frames,
        image_size=config.image_size,
        scan_order=getattr(config, "scan_order", None),
        readout=getattr(config, "readout", None),
        preprocessing=preprocessing(config.image_size),
        note=f"Random weights from a fixed seed: its answers mean nothing.{_start(config)}",
    )


def _start(config: Any) -> str:
    if isinstance(config, MomaConfig):
        return _STARTS["moma"]
    return _STARTS.get(getattr(config, "usage", ""), "")
