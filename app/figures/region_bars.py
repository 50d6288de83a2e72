"""Where the time of one or two profiled runs went: a bar a run, cut into regions."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from app.figures.number_format import duration, percent
from app.figures.region_names import REGION_LOOKS, region_name, region_style

if TYPE_CHECKING:
    from analysis.profiling.run_profile import RegionCost
    from app.pass_profiles import ProfiledRun

_LEAST_SHARE = 0.0005


def region_bars(runs: Sequence[ProfiledRun]) -> str:
    """Bars of one scale, as long as the steps took, with a legend of all regions in them."""
    if not runs:
        return '<p class="profile-empty">Press Profile: one bar a run, cut into regions.</p>'
    longest = max(run.profile.typical_step_ms for run in runs)
    bars = "".join(_bar(run, longest) for run in runs)
    return f'<div class="region-bars">{bars}{_legend(runs)}</div>'


def _bar(run: ProfiledRun, longest: float) -> str:
    profile = run.profile
    pieces = "".join(
        f'<i class="{cost.pass_}" style="width:{100 * cost.self_ms / longest:.3f}%;'
        f'{region_style(cost.region)}" title="{escape(_words(cost))}"></i>'
        for cost in profile.regions
        if cost.share > _LEAST_SHARE
    )
    return (
        f'<div class="region-bar"><div class="region-bar-head"><b>{escape(run.title)}</b>'
        f"<span>{duration(profile.typical_step_ms)} a step</span></div>"
        f'<div class="region-track" role="img" aria-label="{escape(_spoken(run))}">{pieces}</div>'
        "</div>"
    )


def _words(cost: RegionCost) -> str:
    name = region_name(cost.region, cost.pass_)
    return f"{name}: {duration(cost.self_ms)}, {percent(cost.share)}"


def _spoken(run: ProfiledRun) -> str:
    largest = sorted(run.profile.regions, key=lambda cost: -cost.self_ms)[:4]
    return f"{run.title}: " + "; ".join(_words(cost) for cost in largest)


def _legend(runs: Sequence[ProfiledRun]) -> str:
    present = {cost.region for run in runs for cost in run.profile.regions if cost.self_ms > 0}
    keys = "".join(
        f'<span title="{escape(look.meaning)}"><i style="{region_style(region)}"></i>'
        f"{escape(look.name)}</span>"
        for region, look in REGION_LOOKS.items()
        if region in present
    )
    backward = any(cost.pass_ == "backward" for run in runs for cost in run.profile.regions)
    if backward:
        keys += '<span><i class="backward" style="background-color:#9A9CA5"></i>gradients</span>'
    return f'<div class="region-legend">{keys}</div>'
