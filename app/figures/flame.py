"""One step of a profiled run over time: calls inside calls, and the memory held under them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from app.figures.number_format import data_size, duration, percent
from app.figures.region_names import REGION_LOOKS, region_name, region_style

if TYPE_CHECKING:
    from analysis.profiling.run_profile import FlameSpan, MemoryPoint
    from app.pass_profiles import ProfiledRun

_ASK = "Calls inside calls over one step appear here, with the memory held."


def flame_view(run: ProfiledRun | None) -> str:
    """The step whose duration is the median one; a click on a call enlarges its time."""
    if run is None:
        return f'<p class="profile-empty">{_ASK}</p>'
    spans, step_ms = run.profile.spans, run.profile.spans[0].duration_ms
    rows = 1 + max(span.depth for span in spans)
    calls = "".join(_call(span, step_ms) for span in spans)
    return (
        f'<div class="flame" data-ms="{step_ms:.6f}" style="--rows:{rows}">'
        '<div class="flame-head"><span class="flame-readout" data-rest="'
        f'{escape(_rest(run))}">{escape(_rest(run))}</span>'
        '<button type="button" class="film-button" data-whole hidden>Whole step</button></div>'
        f'<div class="flame-calls" tabindex="0" role="group" aria-label="{escape(_rest(run))}">'
        f"{calls}</div>{_memory(run.profile.memory, step_ms)}"
        f'<div class="flame-axis"><span data-from>0</span><span data-to>{duration(step_ms)}</span>'
        "</div></div>"
    )


def _call(span: FlameSpan, step_ms: float) -> str:
    start, width = 100 * span.start_ms / step_ms, 100 * span.duration_ms / step_ms
    # The step and its layers belong to no region: they are the page's grey, not a colour of data.
    plain = span.region == "other" or span.name.startswith("layer ")
    kind = "plain" if plain else span.pass_
    style = "" if plain else f";{region_style(span.region)}"
    return (
        f'<i class="{kind}" style="--x:{start:.4f};--w:{width:.4f};--y:{span.depth}{style}" '
        f'data-t="{escape(_said(span, step_ms))}">{escape(_written(span))}</i>'
    )


def _written(span: FlameSpan) -> str:
    if span.depth == 0:
        return "step"
    if span.name in REGION_LOOKS:
        return region_name(span.name)
    return span.name.removeprefix("autograd::engine::evaluate_function: ")


def _said(span: FlameSpan, step_ms: float) -> str:
    where = "" if span.region == "other" else f" in {region_name(span.region, span.pass_)}"
    where = "" if span.name == span.region else where
    share = percent(span.duration_ms / step_ms)
    return f"{_written(span)}{where}: {duration(span.duration_ms)}, {share} of the step"


def _rest(run: ProfiledRun) -> str:
    return f"{run.title}, one step of {duration(run.profile.spans[0].duration_ms)}"


def _memory(points: Sequence[MemoryPoint], step_ms: float) -> str:
    """Memory held as a stepped area; its scale is written at its top."""
    peak = max(point.held_bytes for point in points)
    low = min(0, *(point.held_bytes for point in points))
    span = (peak - low) or 1
    path = ""
    for point in points:
        x, y = 1000 * point.time_ms / step_ms, 100 * (peak - point.held_bytes) / span
        path += f"H{x:.2f}V{y:.2f}" if path else f"M{x:.2f},{y:.2f}"
    base = 100 * peak / span
    outline = f'<path class="line" d="{path}"/><path class="area" d="{path}V{base:.2f}H0Z"/>'
    said = f"Memory held above the start of the step, at most {data_size(peak)}"
    return (
        f'<div class="flame-memory"><span>Memory held, up to {data_size(peak)}</span>'
        '<svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(said)}">{outline}</svg></div>'
    )
