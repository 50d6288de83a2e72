"""What a small Mamba-Adaptor does on the page's clip: recalled where known, else computed."""

import time
from dataclasses import asdict, dataclass
from threading import RLock
from typing import Any

import torch
from torch import Tensor, nn

from analysis.adaptation.adapted_host import AdaptorChoice, adapted_host, trained_adaptors
from analysis.adaptation.adapted_layer import AdaptedLayer, adapted_layer
from analysis.adaptation.adaptor_fields import adaptor_fields
from analysis.adaptation.adaptor_share import adaptor_share
from analysis.adaptation.adaptor_strength import adaptors_at
from analysis.adaptation.dilation_kernels import ScaleKernels, dilation_kernels, footprint
from analysis.adaptation.forgetting import forgetting_curves
from analysis.adaptation.memory_places import (
    coefficient_entropy,
    memory_places,
    offset_histogram,
)
from analysis.adaptation.recorded_pass import record_adapted
from analysis.attribution.memory.receptive_field import ReceptiveField
from analysis.layers.token_grid import TokenGrid
from analysis.prediction import SampledClip
from analysis.tracing.token_positions import token_index
from analysis.video.labels import label_names
from analysis.weights import weights_card
from app.adaptor_models import PARTS, AdaptorSetting, adaptor_selection, setting_again
from app.recently_used import RecentlyUsed
from app.selection import Selection
from app.session import Session

Report = dict[str, Any]
"""Plain JSON, for the page, the endpoint and the files that are saved."""
_LOOKS = "looks at adaptors"
_KEPT = 3
"""Models, and traced passes of about 10 MB, that are held."""


@dataclass(frozen=True, eq=False)
class AdaptorPass:
    """One forward pass with adaptors, every layer of it, and one without."""

    model: nn.Module
    sampled: SampledClip
    grid: TokenGrid
    tubelet: int
    layers: tuple[AdaptedLayer, ...]
    kernels: tuple[tuple[ScaleKernels, ...], ...]
    """By layer; none without convolutions."""
    logits: Tensor
    host_logits: Tensor
    labels: tuple[str, ...]
    latency_ms: float


class AdaptorRuns:
    """The adapted models of one built page and what they did, for one caller at a time."""

    def __init__(self, session: Session):
        self.session = session
        self._models: RecentlyUsed[nn.Module] = RecentlyUsed(_KEPT)
        self._passes: RecentlyUsed[AdaptorPass] = RecentlyUsed(_KEPT)
        self._fields: RecentlyUsed[dict[str, ReceptiveField]] = RecentlyUsed(_KEPT)
        self._lock = RLock()

    def traced(self, selection: Selection, setting: AdaptorSetting) -> AdaptorPass:
        """The pass of the page's clip in the model of a setting.

        Raises VideoError, and WeightsError for weights and switches that do not go together.
        """
        key = _key(self.session, "adaptor pass", selection, setting)
        with self._lock:
            return self._passes.get_or_make(key, lambda: self._trace(selection, setting))

    def look(self, selection: Selection, setting: AdaptorSetting, layer: int, token: int) -> Report:
        """Answers, shares, places and statistics; layer from 1, token canonical, 0 CLS."""
        key = _key(self.session, "adaptor look", selection, setting, layer, token)
        self.session.note_once(_looks_key(self.session, selection, setting.choice.weights), key)
        known = self.session.recall(key)
        if known is None:
            found = self.traced(selection, setting)
            known = _look(found, selection, setting, layer, token)
            self.session.remember(key, known)
        return known

    def forgetting(self, selection: Selection, setting: AdaptorSetting, layer: int) -> Report:
        """The forgetting curves of a layer, from 1, by scan."""
        key = _key(self.session, "adaptor forgetting", selection, setting, layer)
        known = self.session.recall(key)
        if known is None:
            found = self.traced(selection, setting)
            with (
                self._lock,
                torch.inference_mode(False),
                adaptors_at(found.model, setting.strength),
            ):
                curves = forgetting_curves(found.layers[layer - 1])
            known = {
                "layer": layer,
                "scans": [
                    {
                        "direction": one.direction,
                        "token_order": one.token_order,
                        "channels": one.channels,
                        "distances": one.distances.tolist(),
                        "plain": one.plain.tolist(),
                        "with_memory": one.with_memory.tolist(),
                        "ahead_share": one.ahead_share,
                    }
                    for one in curves
                ],
            }
            self.session.remember(key, known)
        return known

    def fields(
        self, selection: Selection, setting: AdaptorSetting, token: int
    ) -> dict[str, ReceptiveField]:
        """Effective receptive fields of a final token with and without each kind of adaptor."""
        key = _key(self.session, "adaptor fields", selection, setting, token)

        def make() -> dict[str, ReceptiveField]:
            clip = self.session.sampled(adaptor_selection(selection, setting)).clip
            return adaptor_fields(self._model(setting.choice), clip, token, setting.strength)

        with self._lock:
            return self._fields.get_or_make(key, make)

    def _model(self, choice: AdaptorChoice) -> nn.Module:
        return self._models.get_or_make(choice, lambda: adapted_host(choice))

    def _trace(self, selection: Selection, setting: AdaptorSetting) -> AdaptorPass:
        own = adaptor_selection(selection, setting)
        sampled = self.session.sampled(own)
        model = self._model(setting.choice)
        memory, convolutions = PARTS[setting.parts]
        begun = time.perf_counter()
        with torch.inference_mode(False), torch.no_grad():
            with adaptors_at(model, memory=False, convolutions=False):
                host_logits = model(sampled.clip[None])[0]
            with adaptors_at(model, setting.strength, memory=memory, convolutions=convolutions):
                recorded = record_adapted(model, sampled.clip)
                layers = tuple(adapted_layer(one) for one in recorded.records)
                kernels = tuple(
                    () if one.adaptor_s is None else dilation_kernels(one.adaptor_s)
                    for one in layers
                )
        return AdaptorPass(
            model=model,
            sampled=sampled,
            grid=model.token_grid,
            tubelet=own.tubelet(model.token_grid),
            layers=layers,
            kernels=kernels,
            logits=recorded.logits,
            host_logits=host_logits,
            labels=label_names(weights_card(own.model).labels),
            latency_ms=1000 * (time.perf_counter() - begun),
        )


@dataclass(frozen=True, eq=False)
class KnownLook:
    """A look that was had before, and the forgetting of its layer where that was followed."""

    setting: AdaptorSetting
    look: Report
    forgetting: Report | None


def known_adaptor_looks(session: Session, selection: Selection) -> list[KnownLook]:
    """The latest look at this clip for each set of adaptors, trained ones first.

    Nothing is computed. Raises VideoError and WeightsError.
    """
    found = []
    for weights in (*(card.name for card in trained_adaptors()), ""):
        for key in session.noted(_looks_key(session, selection, weights))[:1]:
            look = session.recall(key)
            if look is not None:
                setting = setting_again(look["setting"])
                at = _key(session, "adaptor forgetting", selection, setting, look["layer"])
                found.append(KnownLook(setting, look, session.recall(at)))
    return found


def _looks_key(session: Session, selection: Selection, weights: str) -> str:
    """Of the list of looks at these adaptors."""
    setting = AdaptorSetting(AdaptorChoice(weights=weights))
    return session.key(_LOOKS, adaptor_selection(selection, setting), weights)


def _key(
    session: Session, kind: str, selection: Selection, setting: AdaptorSetting, *extra: int
) -> str:
    return session.key(kind, adaptor_selection(selection, setting), repr(setting), *extra)


def middle_token(grid: TokenGrid) -> int:
    """The token that is asked about at first."""
    return token_index(grid, grid.t // 2, grid.h // 2, grid.w // 2)


def _look(
    found: AdaptorPass, selection: Selection, setting: AdaptorSetting, layer: int, token: int
) -> Report:
    grid, one = found.grid, found.layers[layer - 1]
    histogram = offset_histogram(one) if one.has_memory else None
    return {
        "clip": selection.clip_name,
        "model": adaptor_selection(selection, setting).model,
        "training": setting.training,
        "setting": asdict(setting),
        "layer": layer,
        "layers": len(found.layers),
        "grid": [grid.t, grid.h, grid.w],
        "tubelet": found.tubelet,
        "token": token,
        "answers": _answers(found),
        "share": {name: part.tolist() for name, part in vars(adaptor_share(one)).items()},
        "by_layer": [
            _summary(adapted, kernels)
            for adapted, kernels in zip(found.layers, found.kernels, strict=True)
        ],
        **_places_facts(one),
        "places": [asdict(place) for place in memory_places(one, token)],
        "histogram": histogram
        and {
            "edges": histogram.edges.tolist(),
            "counts": histogram.counts.tolist(),
            "ahead_share": histogram.ahead_share,
        },
        "kernels": _kernels(found.kernels[layer - 1]),
        "latency_ms": found.latency_ms,
    }


def _places_facts(layer: AdaptedLayer) -> Report:
    """How many memory sequences there are, 0 without memory, and whether places lie on the grid."""
    adaptor = layer.scans[0].adaptor
    return {
        "sequences": 0 if adaptor is None else adaptor.sequences,
        "on_grid": adaptor is not None and adaptor.config.locations == "grid",
    }


def _answers(found: AdaptorPass) -> Report:
    """The most probable class with and without adaptors, and how far apart the logits are."""

    def top(logits: Tensor) -> Report:
        chances = logits.softmax(0)
        best = int(chances.argmax())
        return {"label": found.labels[best], "probability": float(chances[best])}

    difference = (found.logits - found.host_logits).abs().max()
    return {
        "host": top(found.host_logits),
        "adapted": top(found.logits),
        "logit_difference": float(difference),
    }


def _summary(layer: AdaptedLayer, kernels: tuple[ScaleKernels, ...]) -> Report:
    """One layer in a few numbers: means over tokens, of entropy over sequences too."""
    share = adaptor_share(layer)
    return {
        "entropy": float(coefficient_entropy(layer).mean()) if layer.has_memory else None,
        "ahead_share": offset_histogram(layer).ahead_share if layer.has_memory else None,
        "memory": float(share.memory.mean()),
        "convolutions": float(share.convolutions.mean()),
        "energy": [scale.energy for scale in kernels],
    }


def _kernels(scales: tuple[ScaleKernels, ...]) -> Report | None:
    if not scales:
        return None
    return {
        "scales": [
            {
                "dilation": scale.dilation,
                "energy": scale.energy,
                "size": scale.size.tolist(),
                "strongest": scale.strongest.tolist(),
                "channels": scale.channels.tolist(),
            }
            for scale in scales
        ],
        "footprint": footprint(scales).tolist(),
    }
