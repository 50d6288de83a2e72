"""Tensors into a model, key by key, with an account of what happened to each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.layers.token_grid import MiddleClassGrid
from analysis.weights.card import WeightsError
from analysis.weights.conversion import (
    Grid,
    inflate_kernel,
    resize_pos_embed,
    resize_temporal_table,
    square_grid,
)

STEM = "patch_embed.proj.weight"
POS_EMBED = "pos_embed"
TEMPORAL = "temporal_pos_embedding"
TOWER_POSITIONS, MOMENTS = "tower.positional_embedding", "temporal_embedding"
TRAINING_HEADS = ("distill_head.", "clip_decoder.")


@dataclass(frozen=True)
class ResizedTensor:
    """A tensor that changed shape to fit; ``method`` says how, in a few words."""

    key: str
    from_shape: tuple[int, ...]
    to_shape: tuple[int, ...]
    method: str


@dataclass(frozen=True)
class LoadReport:
    """What became of every key, each tuple in the order of the model or file.

    loaded: taken from the file as they are.
    resized: taken from the file and inflated or interpolated.
    missing: in the model only; they keep their initial values.
    unexpected: in the file only; not used.
    dropped: training-only heads in the file that the model has no place for, not used; texts of a
        CLIP, which at most say the classes.
    """

    loaded: tuple[str, ...]
    resized: tuple[ResizedTensor, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def load_state_dict_with_report(
    model: nn.Module,
    state: Mapping[str, Tensor],
    *,
    strict: bool = True,
    source_grid: Grid | None = None,
    trunk: str = "",
) -> LoadReport:
    """Copy ``state`` into ``model``, fitting position tables and stem, and report every key.

    A position table of another resolution is resized bicubically, a temporal table of another
    frame count linearly, an image stem is inflated for a video model (whose temporal table then
    starts at zero). A parameter of several names may have one of them in the file.

    ``model`` has ``token_grid`` with h and w; ``source_grid`` is the (h, w) the file's position
    table was made for. Without it, a table of the model's own length is taken to cover the model's
    grid and any other to cover a square. ``trunk`` is the name of the part of ``model`` that has
    all this, when it is not the whole.

    Raises WeightsError, before anything is copied, for a value that is not finite, and with
    ``strict`` for missing keys, unexpected keys and shapes that cannot be fitted. Without
    ``strict`` a key whose shape cannot be fitted counts as missing and as unexpected.
    """
    target, part = model.state_dict(), model.get_submodule(trunk)
    state = _with_shared(model, state)
    prefix = f"{trunk}." if trunk else ""
    fitted: dict[str, Tensor] = {}
    resized: list[ResizedTensor] = []
    misfits: list[str] = []
    for key in (key for key in target if key in state):
        value, method = state[key], None
        if key.startswith(prefix):
            name = key.removeprefix(prefix)
            value, method = _fit(name, value, target[key], part, source_grid)
        same_kind = value.is_floating_point() == target[key].is_floating_point()
        if value.shape != target[key].shape or not same_kind:
            misfits.append(key)
            continue
        if not torch.isfinite(value).all():
            raise WeightsError(f"{key} holds values that are not finite; use another checkpoint.")
        fitted[key] = value
        if method is not None:
            resized.append(_resized(key, state[key].shape, value.shape, method))
    table, inflated = prefix + TEMPORAL, any(r.key == prefix + STEM for r in resized)
    if table in target and table not in state and inflated:
        fitted[table] = torch.zeros_like(target[table])
        resized.append(_resized(table, (), target[table].shape, "zeros, as for images"))

    report = _report(state, target, fitted, resized, misfits)
    if strict and (report.missing or report.unexpected):
        raise WeightsError(_complaint(report, misfits, state, target))
    model.load_state_dict(fitted, strict=False)
    return report


def _with_shared(model: nn.Module, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The tensors with those of shared parameters under all of their names."""
    known: dict[int, Tensor] = {}
    named = tuple(model.named_parameters(remove_duplicate=False))
    for name, parameter in named:
        if name in state:
            known.setdefault(id(parameter), state[name])
    others = {name: known[id(p)] for name, p in named if name not in state and id(p) in known}
    return {**state, **others} if others else state


def _report(
    state: Mapping[str, Tensor],
    target: Mapping[str, Tensor],
    fitted: Mapping[str, Tensor],
    resized: list[ResizedTensor],
    misfits: list[str],
) -> LoadReport:
    changed = {tensor.key for tensor in resized}
    unknown = [key for key in state if key not in target]
    dropped = tuple(key for key in unknown if key.startswith(TRAINING_HEADS))
    return LoadReport(
        loaded=tuple(key for key in fitted if key not in changed),
        resized=tuple(resized),
        missing=tuple(key for key in target if key not in fitted),
        unexpected=(*(key for key in unknown if key not in dropped), *misfits),
        dropped=dropped,
    )


def _fit(
    key: str, value: Tensor, parameter: Tensor, model: nn.Module, source_grid: Grid | None
) -> tuple[Tensor, str | None]:
    """The value in the parameter's shape where a rule exists, and the rule's name if one acted."""
    if key == STEM and (value.ndim, parameter.ndim) == (4, 5):
        return inflate_kernel(value, parameter.shape[2]), "inflated, centre tap"
    same_width = value.ndim == parameter.ndim == 3 and value.shape[2] == parameter.shape[2]
    # A table with CLS in its middle is of one resolution.
    if key == POS_EMBED and same_width and not isinstance(model.token_grid, MiddleClassGrid):
        grid = (model.token_grid.h, model.token_grid.w)
        source = source_grid or (grid if value.shape == parameter.shape else square_grid(value))
        if source is not None and source != grid and value.shape[1] == 1 + source[0] * source[1]:
            return resize_pos_embed(value, source, grid), "bicubic"
    if key == TOWER_POSITIONS and value.ndim == parameter.ndim == 2:
        return _fit_tower_positions(value, parameter, model, source_grid)
    if key == MOMENTS and value.ndim == parameter.ndim == 5 and value.shape != parameter.shape:
        resized = resize_temporal_table(value[:, :, 0, 0], parameter.shape[1])
        return resized[:, :, None, None], "linear"
    if key == TEMPORAL and same_width and value.shape != parameter.shape:
        return resize_temporal_table(value, parameter.shape[1]), "linear"
    return value, None


def _fit_tower_positions(
    value: Tensor, parameter: Tensor, model: nn.Module, source_grid: Grid | None
) -> tuple[Tensor, str | None]:
    """The table (1 + h*w, D) of a frozen CLIP at the model's resolution."""
    source, grid = source_grid or square_grid(value[None]), (model.token_grid.h, model.token_grid.w)
    fits = source is not None and len(value) == 1 + source[0] * source[1]
    if source == grid or not fits or value.shape[1] != parameter.shape[1]:
        return value, None
    return resize_pos_embed(value[None], source, grid)[0], "bicubic"


def _resized(key: str, before: Iterable[int], after: Iterable[int], method: str) -> ResizedTensor:
    return ResizedTensor(key, tuple(before), tuple(after), method)


def _complaint(
    report: LoadReport,
    misfits: list[str],
    state: Mapping[str, Tensor],
    target: Mapping[str, Tensor],
) -> str:
    parts = []
    if misfits:
        key = misfits[0]
        parts.append(
            f"{key} is {_shown(state[key])} in the file and {_shown(target[key])} in the "
            f"model{_and_more(misfits[1:])}"
        )
    if missing := [key for key in report.missing if key not in misfits]:
        parts.append(f"the file lacks {missing[0]}{_and_more(missing[1:])}")
    if unexpected := [key for key in report.unexpected if key not in misfits]:
        parts.append(f"the model has no {unexpected[0]}{_and_more(unexpected[1:])}")
    return "The weights do not fit the model: " + "; ".join(parts) + "."


def _shown(tensor: Tensor) -> str:
    kind = "" if tensor.is_floating_point() else f" of {tensor.dtype}"
    return f"{tuple(tensor.shape)}{kind}"


def _and_more(rest: list[str]) -> str:
    return f" (and {len(rest)} more such keys)" if rest else ""
