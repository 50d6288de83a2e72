"""Points of a sweep and plans made from it, as sortable tables."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from analysis.profiling.sweep.planner import MOST_FRAMES
from app.components.sorted_table import Column, sorted_table
from app.figures.cost_curves import short_label
from app.figures.number_format import data_size, duration, share, significant, whole, with_minus
from app.theme import model_color

if TYPE_CHECKING:  # They bring what only a measurement needs; the page opens without.
    from analysis.profiling.sweep.planner import Plan
    from analysis.profiling.sweep.point import Curve
    from analysis.profiling.sweep.run import Sweep
    from analysis.profiling.sweep.summary import SweepSummary

NOTHING = "Points appear here as they are measured."
_OFF_BY = "The largest error for a measured point that was left out of the fit"
_STATUS = {
    "measured": "",
    "out_of_memory": "out of memory",
    "over_time": "over time",
    "failed": "failed",
    "not_run": "not run",
}


def cost_table(sweep: Sweep | None) -> str:
    """A row per point, smallest sizes first."""
    if sweep is None or not sweep.results:
        return f'<p class="table-empty">{NOTHING}</p>'
    rows = [result.row() | {"label": short_label(result.point.curve)} for result in sweep.results]
    return sorted_table("Points measured", _POINT_COLUMNS, rows)


def plan_table(plans: tuple[Plan, ...]) -> str:
    """A row per model: the most frames that fit, and what the planned ones cost."""
    if not plans:
        return '<p class="table-empty">No curve has the two points that a plan needs.</p>'
    rows = [
        plan.row() | {"label": short_label(plan.curve), "model": plan.curve.model} for plan in plans
    ]
    return sorted_table("What fits", _PLAN_COLUMNS, rows)


def growth_table(summary: SweepSummary | None) -> str:
    """A row per curve: how it grows, and how it stands against the scan of its size."""
    if summary is None or not summary.slopes:
        return '<p class="table-empty">Two sizes of a model tell how its cost grows.</p>'
    curves = list(dict.fromkeys(slope.curve for slope in summary.slopes))
    return sorted_table(
        "Growth and crossings",
        _GROWTH_COLUMNS,
        [_growth_row(summary, curve) for curve in curves],
    )


def _growth_row(summary: SweepSummary, curve: Curve) -> dict:
    row: dict = {"label": short_label(curve), "model": curve.model}
    slopes = {slope.measure: slope for slope in summary.slopes if slope.curve == curve}
    crossings = {
        crossing.measure: crossing
        for crossing in summary.crossovers
        if curve in (crossing.faster_later, crossing.slower_later) and not curve.scans
    }
    against = [ratio for ratio in summary.ratios if ratio.peer == curve]
    largest = max(against, key=lambda ratio: ratio.all_tokens, default=None)
    for measure, short in (("latency_ms", "latency"), ("memory_bytes", "memory")):
        row[f"{short}_slope"] = slopes.get(measure)
        row[f"{short}_crossing"] = crossings.get(measure)
        row[f"times_{short}"] = None if largest is None else largest.times(measure)
    return row


def _slope(row: dict, short: str) -> str:
    slope = row[f"{short}_slope"]
    if slope.low is None:
        return significant(slope.value)
    low, high = (with_minus(value, 2) for value in (slope.low, slope.high))
    return f"{significant(slope.value)} <small>({low} to {high})</small>"


def _crossing(row: dict, short: str) -> str:
    crossing = row[f"{short}_crossing"]
    if crossing.always_cheaper is not None:
        return "every size" if crossing.always_cheaper.scans else "no size measured"
    interval = (
        ""
        if crossing.low is None
        else f" <small>({whole(crossing.low)} to {whole(crossing.high)})</small>"
    )
    reach = "" if crossing.faster_later.scans else "below "
    return f"{reach}{whole(crossing.tokens)}{interval}"


def _growth_columns(short: str, cost: str, cheaper: str) -> tuple[Column, ...]:
    return (
        Column(
            f"{cost.capitalize()} grows as L to the",
            "Slope over all sizes with its 95 % interval: 1 is proportional to tokens, 2 quadratic",
            lambda row: None if row[f"{short}_slope"] is None else row[f"{short}_slope"].value,
            lambda row: _slope(row, short),
        ),
        Column(
            f"Last doubling of {cost}",
            "Slope between the two largest sizes, where fixed costs weigh least",
            lambda row: (
                None if row[f"{short}_slope"] is None else row[f"{short}_slope"].last_doubling
            ),
            lambda row: with_minus(row[f"{short}_slope"].last_doubling),
        ),
        Column(
            f"Times the scan's {cost}",
            "Over what the first scanning model of its size costs, at the largest size both have",
            lambda row: row[f"times_{short}"],
            lambda row: significant(row[f"times_{short}"]),
        ),
        Column(
            f"Scan {cheaper} at tokens from",
            "Tokens from (or below) which a scanning model of its size costs less, 95 % interval",
            lambda row: (
                None if row[f"{short}_crossing"] is None else row[f"{short}_crossing"].tokens or 0.0
            ),
            lambda row: _crossing(row, short),
        ),
    )


def _mark(row: dict) -> str:
    color = model_color(row["model"])
    return (
        f'<span class="order-mark"><i style="background:{color}"></i>{escape(row["label"])}</span>'
    )


def _steadiness(row: dict) -> str:
    flag = " \N{ALMOST EQUAL TO}" if row["unsteady"] else ""
    return f"{duration(row['latency_ms'])}{flag}"


def _state(row: dict) -> str:
    words = _STATUS[row["status"]]
    return f'<span title="{escape(row["note"])}">{words or "measured"}</span>'


_POINT_COLUMNS = (
    Column("Model", "Architecture and how it computes", lambda row: 0.0, _mark),
    Column(
        "Frames",
        "Frames of a clip",
        lambda row: row["num_frames"],
        lambda row: whole(row["num_frames"]),
    ),
    Column(
        "Pixels",
        "Side of a frame",
        lambda row: row["image_size"],
        lambda row: whole(row["image_size"]),
    ),
    Column("Clips", "Clips at once", lambda row: row["batch"], lambda row: whole(row["batch"])),
    Column(
        "Tokens", "Tokens of one clip", lambda row: row["tokens"], lambda row: whole(row["tokens"])
    ),
    Column(
        "Median",
        "Median time of a pass; a wavy sign where the middle half of the times spreads over more "
        "than a tenth of it",
        lambda row: row["latency_ms"],
        _steadiness,
    ),
    Column(
        "p10",
        "A tenth of the passes were quicker",
        lambda row: row["p10_ms"],
        lambda row: duration(row["p10_ms"]),
    ),
    Column(
        "p90",
        "A tenth of the passes were slower",
        lambda row: row["p90_ms"],
        lambda row: duration(row["p90_ms"]),
    ),
    Column(
        "Calls", "Passes that were timed", lambda row: row["calls"], lambda row: whole(row["calls"])
    ),
    Column(
        "Clips/s",
        "Clips per second",
        lambda row: row["clips_per_s"],
        lambda row: significant(row["clips_per_s"]),
    ),
    Column(
        "Tokens/s",
        "Tokens per second",
        lambda row: row["tokens_per_s"],
        lambda row: significant(row["tokens_per_s"]),
    ),
    Column(
        "Memory",
        "Peak above weights and input",
        lambda row: row["memory_bytes"],
        lambda row: data_size(row["memory_bytes"]),
    ),
    Column("State", "What came of the point", lambda row: 0.0, _state),
)


_PLAN_COLUMNS = (
    Column("Model", "Architecture and how it computes", lambda row: 0.0, _mark),
    Column(
        "Most frames",
        "The most frames of a clip that fit",
        lambda row: row["most_frames"],
        lambda row: (
            f"{whole(row['most_frames'])}{'' if row['most_frames'] < MOST_FRAMES else ' or more'}"
        ),
    ),
    Column(
        "Frames",
        "What the rest is for",
        lambda row: row["frames"],
        lambda row: whole(row["frames"]),
    ),
    Column(
        "Fits",
        "Whether these frames do",
        lambda row: float(row["fits"]),
        lambda row: "fits" if row["fits"] else "<b>too large</b>",
    ),
    Column(
        "Memory",
        "Predicted, weights included",
        lambda row: row["memory_bytes"],
        lambda row: data_size(row["memory_bytes"]),
    ),
    Column(
        "Time of a pass",
        "Predicted for the machine of the sweep",
        lambda row: row["latency_ms"],
        lambda row: duration(row["latency_ms"]),
    ),
    Column(
        "Memory off by",
        _OFF_BY,
        lambda row: row["memory_error"],
        lambda row: share(row["memory_error"]),
    ),
    Column(
        "Time off by",
        _OFF_BY,
        lambda row: row["latency_error"],
        lambda row: share(row["latency_error"]),
    ),
    Column(
        "Beyond measured",
        "How many times the tokens of the largest point measured; above 1 it is extrapolated",
        lambda row: row["times_beyond"],
        lambda row: f"{significant(row['times_beyond'], 2)} times",
    ),
)
_GROWTH_COLUMNS = (
    Column("Model", "Architecture and how it computes", lambda row: 0.0, _mark),
    *_growth_columns("latency", "time", "quicker"),
    *_growth_columns("memory", "memory", "smaller"),
)
