"""Maps of one class of one clip: recalled where known, else computed one method after another."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from analysis.attribution.attribution import (
    METHODS,
    Attribution,
    attribute,
    find_method,
    fitting_methods,
)
from analysis.prediction import LabelProbability, SampledClip
from app.answers import answer
from app.background import BackgroundWork
from app.errors import READABLE_ERRORS
from app.figures.evidence import Map, grid_values
from app.figures.heat import averaged_down, heat_sprite
from app.selection import Selection
from app.session import Session, planned

SEED = 0
PREFERRED_METHODS = (
    "integrated_gradients",
    "exact_last_layer",
    "mamba_lrp",
    "grad_cam",
    "input_x_gradient",
)
"""In the order in which a page begins with them, as far as they can explain the model."""
BEGUN_WITH = 3
DEFAULT_METHODS = PREFERRED_METHODS[:BEGUN_WITH]
"""What a page begins with before a model was asked."""
TOP_CLASS = -1
"""Stands for whatever class the model finds most probable."""

_MOST_PIXELS = 128

_PASSES = {"gradient": 60, "hidden state": 500, "relevance": 20}
_FEW_PASSES = {
    "saliency": 5,
    "input_x_gradient": 5,
    "grad_cam": 5,
    "hidden_attention": 60,
    "exact_last_layer": 10,
}
"""Forward passes that a method costs about, by family and where it costs less, before it was
timed here; methods that perturb ask once for each patch."""


@dataclass(frozen=True)
class ExplainedClass:
    """The class that is explained, and how likely the model finds it."""

    index: int
    label: str
    probability: float
    is_top: bool


def first_methods(config: Any) -> tuple[str, ...]:
    """What a page begins with for models of a configuration."""
    fitting = fitting_methods(config)
    return tuple(name for name in PREFERRED_METHODS if name in fitting)[:BEGUN_WITH]


def fitting_choice(ticked: Sequence[str], begun_with: Sequence[str], config: Any) -> list[str]:
    """Of the ticked methods those that can explain a model, in the order of METHODS.

    Where they still are what the page had `begun_with`, or none of them can, it begins anew; where
    none is ticked, none is chosen.
    """
    fitting = fitting_methods(config)
    kept = [name for name in fitting if name in ticked]
    begins = bool(ticked) and (not kept or set(ticked) == set(begun_with))
    chosen = first_methods(config) if begins else kept
    return [name for name in METHODS if name in chosen]


def class_probabilities(session: Session, selection: Selection) -> list[tuple[int, str, float]]:
    """(index, label, probability) of every class, most probable first.

    Raises VideoError and WeightsError.
    """
    with session.loaded(selection) as loaded:
        labels = loaded.labels
    indices: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        indices.setdefault(label, []).append(index)
    entries: Sequence[LabelProbability] = answer(session, selection).prediction.predictions
    return [(indices[entry.label].pop(0), entry.label, entry.probability) for entry in entries]


def explained_class(classes: Sequence[tuple[int, str, float]], asked: int) -> ExplainedClass:
    """The class asked for; the most probable one for TOP_CLASS or a class this model has not."""
    found = next((one for one in classes if one[0] == asked), classes[0])
    return ExplainedClass(*found, is_top=found is classes[0])


def recalled_map(session: Session, selection: Selection, method: str, target: int) -> Map | None:
    """The map if it was made before and clip and weights are still there."""
    try:
        return session.recall(_key(session, selection, method, target))
    except READABLE_ERRORS:
        return None


def pixel_heat(session: Session, selection: Selection, one: Map) -> str | None:
    """A known map before its pixels were summed into tokens: `heat_sprite` of (T, H, W).

    None for methods that do not work on pixels. Sides above 128 px are averaged down.
    """
    known = session.recall(_key(session, selection, one["method"], one["target"], "pixels"))
    return known and known["heat"]


def fresh_map(
    session: Session,
    selection: Selection,
    method: str,
    target: int,
    report: Callable[[float], None] = lambda share: None,
) -> Map:
    """The map, computed now and remembered. Raises AttributionError, VideoError, WeightsError."""
    with session.loaded(selection) as loaded:
        sampled = session.sampled(selection, loaded)
        found = attribute(
            loaded.model,
            sampled.clip,
            method,
            target,
            generator=torch.Generator().manual_seed(SEED),
            progress=report,
        )
        label = loaded.labels[target]
    payload = _payload(found, label)
    session.remember(_key(session, selection, method, target), payload)
    if found.pixels is not None:
        pixels = {"heat": heat_sprite(averaged_down(found.pixels, _MOST_PIXELS), found.signed)}
        session.remember(_key(session, selection, method, target, "pixels"), pixels)
    session.remember(_time_key(selection, method), {"latency_ms": found.latency_ms})
    session.note(session.key("explained", selection), target)
    return payload


def explained_targets(session: Session, selection: Selection) -> list[int]:
    """Indices of the classes explained last. Raises VideoError and WeightsError."""
    return session.noted(session.key("explained", selection))


def map_in_steps(
    session: Session, selection: Selection, method: str, target: int
) -> BackgroundWork[Map]:
    """`fresh_map` in a thread of its own; iterating gives the share done."""
    return BackgroundWork(
        lambda report: fresh_map(session, selection, method, target, report),
    )


def estimated_map_ms(session: Session, selection: Selection, methods: Sequence[str]) -> float:
    """About how long it takes to compute these methods here."""
    return sum(_method_ms(session, selection, method) for method in methods)


def rank_agreement(maps: Sequence[Map]) -> list[list[float]]:
    """Spearman's rank correlations of every pair of maps, in their order."""
    from analysis.attribution.faithfulness.agreement import agreement  # SciPy takes long to import

    return agreement({one["method"]: grid_values(one) for one in maps}).spearman.tolist()


def frame_duration_s(sampled: SampledClip) -> float:
    """How long a frame stands when a clip plays at its own pace, within what can be followed."""
    times = sampled.frame_times_s
    apart = (times[-1] - times[0]) / max(1, len(times) - 1)
    return min(max(apart, 0.06), 0.5) if apart else 1.0


def map_rows(maps: Sequence[Map]) -> Iterator[dict[str, Any]]:
    """A row per token and method, for a table."""
    for one in maps:
        _, h, w = one["grid"]
        for token, value in enumerate(one["values"]):
            yield {
                "method": one["method"],
                "class": one["label"],
                "t": token // (h * w),
                "y": token // w % h,
                "x": token % w,
                "value": value,
            }


def selection_settings(selection: Selection) -> dict[str, object]:
    """What a file says about where its maps come from."""
    return {
        "clip": selection.clip_name,
        "model": selection.model,
        "num_frames": selection.num_frames,
        "image_size": selection.image_size,
        "scan_order": selection.scan_order,
        "seed": SEED,
    }


def _method_ms(session: Session, selection: Selection, method: str) -> float:
    known = session.recall(_time_key(selection, method))
    if known is not None:
        return known["latency_ms"]
    family = find_method(method).family
    if family == "perturbation":
        passes = 1 + planned(selection).config.token_grid.patches
    else:
        passes = _FEW_PASSES.get(method) or _PASSES[family]
    return passes * session.estimate_ms(selection)


def _key(
    session: Session, selection: Selection, method: str, target: int, part: str = "map"
) -> str:
    return session.key("attribution", selection, method, target, SEED, part)


def _time_key(selection: Selection, method: str) -> str:
    setting = repr((method, replace(selection, clip="")))
    return hashlib.sha256(setting.encode()).hexdigest()


def _payload(found: Attribution, label: str) -> Map:
    method = METHODS[found.method]
    return {
        "method": found.method,
        "title": method.title,
        "family": method.family,
        "target": found.target,
        "label": label,
        "grid": list(found.values.shape),
        "values": [float(f"{value:.7g}") for value in found.values.ravel().tolist()],
        "signed": found.signed,
        "cls_value": found.cls_value,
        "completeness_error": found.completeness_error,
        "bias_share": found.bias_share,
        "omits": list(found.omits),
        "settings": {name: _plain(value) for name, value in found.settings.items()},
        "seed": SEED,
        "latency_ms": found.latency_ms,
    }


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
