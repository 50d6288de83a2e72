"""The small MoMa of the page: its switches, and the model they ask for."""

from dataclasses import dataclass, replace
from functools import lru_cache

import torch

from analysis.adaptation.errors import AdaptationError
from analysis.adaptation.moma_variants import seeded_mixing, strengthened
from analysis.layers.modulation import FUSIONS, SKIP
from analysis.layers.windowed_attention import Window
from analysis.models import model_config
from analysis.models.moma import Moma
from analysis.models.moma_config import PATTERNS
from analysis.nearest_names import nearest
from analysis.training.captioned_pictures.picture_words import kinds
from analysis.training.text_head import name_classes
from analysis.video.labels import label_names
from analysis.weights import ModelPlan, WeightsCard, list_weights, weights_card, weights_hash
from analysis.weights.moma import load_moma
from app.selection import Selection

ARCHITECTURE, TOWER_WEIGHTS = "moma_mini", "clip_mini.pictures"
UNTRAINED = "untrained"
"""Instead of a weights name: scans whose last projection was drawn, on the trained tower."""
SEED = 0
FIRST_STRENGTHS = {True: 0.5, False: 1.0}
"""Of untrained scans, at which tokens turn visibly and are not drowned, and of trained ones."""
MOST_STRENGTH = 2.0

WINDOWS: dict[str, Window] = {"4": 4, "2": 2, "whole": None, "3d": (2, 4, 4)}
SCANS = {
    "both": ("spatial_first", "temporal_first"),
    "spatial_first": ("spatial_first",),
    "temporal_first": ("temporal_first",),
}
DIRECTIONS = {"both": True, "forward": False}
CLS = {
    "drop": {"cls_mode": "drop", "readout": "mean"},
    "frame": {"cls_mode": "frame", "readout": "mean"},
    "read_out": {"cls_mode": "frame", "readout": "cls"},
}
SHOWN_FUSIONS = tuple(fusion for fusion in FUSIONS if fusion != SKIP)
"""Without scans there is nothing to show; the windows alone stand in the table of answers."""


@dataclass(frozen=True)
class MomaSetting:
    """What is asked for; the values are keys of the tables above.

    weights: UNTRAINED or the name of a trained `moma_mini`. strength: how many times as much as
        they do its modulators say, 0 to MOST_STRENGTH.
    """

    weights: str = UNTRAINED
    strength: float = FIRST_STRENGTHS[True]
    fusion: str = "seqmod"
    window: str = "4"
    scans: str = "both"
    directions: str = "both"
    pattern: str = "TM"
    cls: str = "drop"

    @property
    def unswitched(self) -> "MomaSetting":
        """The same scans as loud, every switch as published, or as these scans were trained."""
        return replace(setting_of(self.weights), strength=self.strength)


@dataclass(frozen=True, eq=False)
class SmallMoma:
    """A model ready to answer; labels: a name per class; card: of the weights it was made of."""

    model: Moma
    labels: tuple[str, ...]
    card: WeightsCard

    @property
    def plan(self) -> ModelPlan:
        """How a clip is read for it."""
        return ModelPlan(self.card, self.model.config, self.card.preprocessing)


def trained_momas() -> tuple[WeightsCard, ...]:
    """Weights of the small MoMa that were trained here, one card each."""
    cards = (card for card in list_weights() if card.architecture == ARCHITECTURE)
    return tuple(card for card in cards if card.training != "untrained")


def first_setting() -> MomaSetting:
    """What the page begins with: scans trained on camera moves, others, or untrained ones."""
    names = [card.name for card in trained_momas()]
    name = min(names, key=lambda name: (not name.endswith(".camera"), name), default=UNTRAINED)
    return setting_of(name)


def setting_of(weights: str) -> MomaSetting:
    """What scans are asked for with before anything is switched. Raises WeightsError."""
    return MomaSetting(weights, FIRST_STRENGTHS[weights == UNTRAINED], own_fusion(weights))


def own_fusion(weights: str) -> str:
    """The fusion that trained weights have parameters for; the published one of UNTRAINED."""
    if weights == UNTRAINED:
        return MomaSetting().fusion
    return weights_card(weights).overrides.get("fusion", MomaSetting().fusion)


def check_setting(setting: MomaSetting) -> None:
    """Raises AdaptationError, one sentence, for what no model can be."""
    tables = {
        "weights": (UNTRAINED, *(card.name for card in trained_momas())),
        "fusion": SHOWN_FUSIONS,
        "window": WINDOWS,
        "scans": SCANS,
        "directions": DIRECTIONS,
        "pattern": PATTERNS,
        "cls": CLS,
    }
    for name, known in tables.items():
        value = getattr(setting, name)
        if value not in known:
            raise AdaptationError(f"There is no {name} {value!r}; {nearest(str(value), known)}")
    if not 0 <= setting.strength <= MOST_STRENGTH:
        raise AdaptationError(
            f"The strength is {setting.strength:g}; choose 0 to {MOST_STRENGTH:g}."
        )
    if setting.weights != UNTRAINED:
        _check_trained(setting)


def _check_trained(setting: MomaSetting) -> None:
    own = own_fusion(setting.weights)
    if setting.fusion != own:
        raise AdaptationError(
            f"{setting.weights} was trained with {own} and has no parameters for "
            f"{setting.fusion}; choose {own}, or untrained scans."
        )
    if setting.cls == "read_out":
        raise AdaptationError(
            f"{setting.weights} reads out the mean of all patches, to which its last scan speaks; "
            "choose untrained scans to read out class tokens."
        )


def moma_selection(selection: Selection, setting: MomaSetting) -> Selection:
    """The page's clip and number of frames, read by the small MoMa at the size of its tower."""
    name = TOWER_WEIGHTS if setting.weights == UNTRAINED else setting.weights
    return replace(selection, model=name, image_size=weights_card(name).image_size, scan_order="")


def modulations(setting: MomaSetting) -> int:
    """How many there are in the model of a setting."""
    return model_config(ARCHITECTURE, pattern=setting.pattern, **CLS[setting.cls]).modulations


def small_moma(setting: MomaSetting, frames: int) -> SmallMoma:
    """The model of a setting for clips of so many frames.

    Untrained scans are the same at every call. Raises AdaptationError and WeightsError.
    """
    check_setting(setting)
    name = TOWER_WEIGHTS if setting.weights == UNTRAINED else setting.weights
    return _built(setting, frames, weights_hash(weights_card(name)))


# Keyed by the weights too, so that exchanged ones are noticed.
@lru_cache(maxsize=8)
def _built(setting: MomaSetting, frames: int, content_hash: str) -> SmallMoma:
    switches = {
        "fusion": setting.fusion,
        "window": WINDOWS[setting.window],
        "pattern": setting.pattern,
        **CLS[setting.cls],
        "num_frames": frames,
    }
    if setting.weights == UNTRAINED:
        made = _untrained(switches)
    else:
        made = _trained(weights_card(setting.weights), switches)
    # Not as switches of the model: with a set of parameters for every path it would have fewer.
    try:
        made.model.set_scans(SCANS[setting.scans], DIRECTIONS[setting.directions])
    except ValueError as error:
        raise AdaptationError(f"{setting.weights} reads no such scans: {error}.") from error
    return replace(made, model=strengthened(made.model, setting.strength).eval())


def _untrained(switches: dict) -> SmallMoma:
    labels = tuple(f"{kind.colour} {kind.shape}" for kind in kinds())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = load_moma(
            ARCHITECTURE,
            clip=TOWER_WEIGHTS,
            zero_init=False,
            head="text",
            num_classes=len(labels),
            **switches,
        )
    seeded_mixing(model, torch.Generator().manual_seed(SEED))
    name_classes(model, TOWER_WEIGHTS, labels)
    return SmallMoma(model, labels, weights_card(TOWER_WEIGHTS))


def _trained(card: WeightsCard, switches: dict) -> SmallMoma:
    model = load_moma(ARCHITECTURE, own=card.name, **{**card.overrides, **switches})
    return SmallMoma(model, label_names(card.labels), card)
