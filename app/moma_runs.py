"""What a small MoMa does to the page's clip: recalled where known, else computed."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from analysis.adaptation.errors import AdaptationError
from analysis.adaptation.frame_shuffle import FrameShuffle, frame_shuffle
from analysis.adaptation.mixing_cost import MixingCost, mixing_cost
from analysis.adaptation.modulation_maps import modulation_maps
from analysis.adaptation.moma_variants import without_scans
from analysis.adaptation.token_reach import Token, own_window, token_reach
from analysis.models import model_config
from analysis.models.moma import Moma
from analysis.prediction import SampledClip
from app.moma_models import (
    ARCHITECTURE,
    SEED,
    UNTRAINED,
    WINDOWS,
    MomaSetting,
    SmallMoma,
    moma_selection,
    small_moma,
    trained_momas,
)
from app.selection import Selection
from app.session import Session

MEASURES = ("scale", "bias", "turn")
"""Fields of `analysis.adaptation.modulation_maps.ModulationMap`."""
COST_MODELS = (ARCHITECTURE, "moma_b16", "moma_l14")
COST_FRAMES = (1, 2, 4, 8, 16, 32, 64)
SHUFFLES = 8
_LOOKS = "looks at a moma"


@dataclass(frozen=True)
class MomaAnswer:
    """What one of several readers of the clip says: the tower alone, with windows, with scans.

    cosine: of its embedding with the tower's alone.
    """

    reader: str
    label: str
    probability: float
    cosine: float


@dataclass(frozen=True)
class MomaLook:
    """A clip in a small MoMa.

    grid: (t, h, w) of `layers`: for each modulation the values of MEASURES, token after token, or
        None where the fusion has none. shuffle: fields of `FrameShuffle` without probabilities, and
        `turned`; None for a clip of one frame. training: of the scans, as a card says it.
    """

    clip: str
    setting: dict[str, Any]
    training: str
    grid: list[int]
    layers: list[dict[str, list[float] | None]]
    answers: list[dict[str, Any]]
    shuffle: dict[str, Any] | None
    latency_ms: float


@dataclass(frozen=True)
class MomaReach:
    """What one token of the last layer hears of, with windows only and with scans.

    windows, scans: {"values": token after token, "reached": tokens, "shares": by place}, see
        `analysis.adaptation.token_reach`.
    """

    clip: str
    setting: dict[str, Any]
    grid: list[int]
    token: list[int]
    windows: dict[str, Any]
    scans: dict[str, Any]


def moma_look(session: Session, selection: Selection, setting: MomaSetting) -> MomaLook:
    """Maps, answers and the frame-shuffle test of a clip.

    Raises AdaptationError, VideoError and WeightsError.
    """
    made = small_moma(setting, selection.num_frames)
    own = moma_selection(selection, setting)
    key = session.key("moma look", own, repr(setting))
    session.note_once(session.key(_LOOKS, own), key)
    known = session.recall(key)
    if known is not None:
        return MomaLook(**known)
    sampled = session.sampled(own, made.plan)
    begun = time.perf_counter()
    maps = modulation_maps(made.model, sampled.clip)
    found = MomaLook(
        clip=selection.clip_name,
        setting=asdict(setting),
        training=_training(made, setting),
        grid=list(_grid(made)),
        layers=[{name: _numbers(getattr(one, name)) for name in MEASURES} for one in maps],
        answers=[asdict(one) for one in _answers(made, setting, sampled)],
        shuffle=_shuffle(made, sampled.clip),
        latency_ms=1000 * (time.perf_counter() - begun),
    )
    session.remember(key, asdict(found))
    return found


def known_looks(session: Session, selection: Selection) -> list[tuple[MomaLook, MomaSetting]]:
    """The latest look at this clip for each set of weights, trained scans first.

    Nothing is computed. Raises VideoError and WeightsError.
    """
    found = []
    for name in (*(card.name for card in trained_momas()), UNTRAINED):
        own = moma_selection(selection, MomaSetting(name))
        for key in session.noted(session.key(_LOOKS, own))[:1]:
            known = session.recall(key)
            if known is not None:
                found.append((MomaLook(**known), MomaSetting(**known["setting"])))
    return found


def moma_reach(
    session: Session, selection: Selection, setting: MomaSetting, token: Token
) -> MomaReach:
    """What a token hears of, with windows only and with scans too. Raises as `moma_look`."""
    made = small_moma(setting, selection.num_frames)
    own = moma_selection(selection, setting)
    key = session.key("moma reach", own, repr(setting), *token)
    known = session.recall(key)
    if known is not None:
        return MomaReach(**known)
    clip = session.sampled(own, made.plan).clip
    found = MomaReach(
        clip=selection.clip_name,
        setting=asdict(setting),
        grid=list(_grid(made)),
        token=list(token),
        windows=_reached(without_scans(made.model), setting, clip, token),
        scans=_reached(made.model, setting, clip, token),
    )
    session.remember(key, asdict(found))
    return found


def moma_clip(session: Session, selection: Selection, setting: MomaSetting) -> SampledClip:
    """The frames that the model sees. Raises VideoError and WeightsError."""
    made = small_moma(setting, selection.num_frames)
    return session.sampled(moma_selection(selection, setting), made.plan)


def moma_costs(architecture: str) -> list[MixingCost]:
    """Of a MoMa as it is registered, for clips of COST_FRAMES. Raises AdaptationError."""
    if architecture not in COST_MODELS:
        raise AdaptationError(
            f"There are no costs of {architecture!r}; choose {', '.join(COST_MODELS)}."
        )
    config = model_config(architecture)
    return [mixing_cost(config, frames) for frames in COST_FRAMES]


def middle_token(grid: Sequence[int]) -> Token:
    """What is asked about before anybody chose."""
    t, h, w = grid
    return t // 2, h // 2, w // 2


def look_rows(look: MomaLook) -> Iterator[dict[str, Any]]:
    """A row per modulation and token, for a table."""
    _, h, w = look.grid
    for number, layer in enumerate(look.layers, start=1):
        for token in range(len(layer["turn"])):
            yield {
                "modulation": number,
                "t": token // (h * w),
                "y": token // w % h,
                "x": token % w,
                **{name: values and values[token] for name, values in layer.items()},
            }


def _grid(made: SmallMoma) -> tuple[int, int, int]:
    grid = made.model.token_grid
    return grid.t, grid.h, grid.w


def _training(made: SmallMoma, setting: MomaSetting) -> str:
    return made.card.training if setting.weights == made.card.name else "untrained"


@torch.no_grad()
def _answers(made: SmallMoma, setting: MomaSetting, sampled: SampledClip) -> list[MomaAnswer]:
    """The tower alone, windows only, unswitched where that is something else, and as switched."""
    clip, head = sampled.clip[None], made.model.head
    frozen = made.model.encode_frozen(clip)[0]
    embeddings = {
        "The frozen tower, mean over frames": frozen,
        "Windows only, without scans": without_scans(made.model).encode_clips(clip)[0],
    }
    if setting != setting.unswitched:
        unswitched = small_moma(setting.unswitched, sampled.clip.shape[1]).model
        origin = "published" if setting.weights == UNTRAINED else "trained"
        embeddings[f"MoMa, switches as {origin}"] = unswitched.encode_clips(clip)[0]
    embeddings["MoMa, as switched here"] = made.model.encode_clips(clip)[0]
    return [_answer(name, x, frozen, head, made.labels) for name, x in embeddings.items()]


def _answer(
    reader: str, embedding: Tensor, frozen: Tensor, head: torch.nn.Module, labels: tuple[str, ...]
) -> MomaAnswer:
    probabilities = head(embedding[None])[0].double().softmax(0)
    best = int(probabilities.argmax())
    cosine = torch.cosine_similarity(embedding.double(), frozen.double(), dim=0)
    return MomaAnswer(reader, labels[best], float(probabilities[best]), float(cosine))


def _shuffle(made: SmallMoma, clip: Tensor) -> dict[str, Any] | None:
    if clip.shape[1] < 2:
        return None
    found: FrameShuffle = frame_shuffle(made.model, clip, np.random.default_rng(SEED), SHUFFLES)
    return {
        "orders": [list(order) for order in found.orders],
        "cosine": found.cosine.tolist(),
        "frozen_cosine": found.frozen_cosine.tolist(),
        "turned": found.turned,
    }


def _reached(model: Moma, setting: MomaSetting, clip: Tensor, token: Token) -> dict[str, Any]:
    reach = token_reach(model, clip, token, torch.Generator().manual_seed(SEED))
    window = own_window(WINDOWS[setting.window], reach.values.shape, token)
    return {
        "values": _numbers(reach.values),
        "reached": reach.reached,
        "shares": reach.shares(window),
    }


def _numbers(values: np.ndarray | None) -> list[float] | None:
    if values is None:
        return None
    return [float(f"{value:.6g}") for value in values.ravel().tolist()]
