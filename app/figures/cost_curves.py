"""Cost over size as plots: time, memory, throughput, and how many times the peers cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import plotly.graph_objects as go

from app.figures.number_format import data_size, duration, significant, whole
from app.figures.plot_template import placeholder, styled
from app.theme import model_color

if TYPE_CHECKING:  # It brings what only a measurement needs; the page opens without.
    from analysis.profiling.sweep.point import Curve, PointResult
    from analysis.profiling.sweep.run import Sweep
    from analysis.profiling.sweep.summary import Ratio, SweepSummary

_DASHES = {"sdpa": "dash", "softmax": "solid"}
_SYMBOLS = {"mini": "circle-open", "tiny": "circle", "small": "square"}
_HEIGHT = 360
_SIZE_NAMES = {
    **{"tiny": "Ti", "small": "S", "middle": "M", "base": "B"},
    **{"b16": "B/16", "l14": "L/14"},
}
_FAMILY_NAMES = {
    "videomamba": "VideoMamba",
    "timesformer": "TimeSformer",
    "vivit": "ViViT",
    "vit": "ViT",
    "moma": "MoMa",
    "adaptor": "Mamba-Adaptor",
    "vim": "Vim",
    "vmamba": "VMamba",
}
_NAMES = {
    "vmamba_tiny": "VMamba-T",
    "vmamba_tiny_wide": "VMamba-T wide",
}
"""Where papers name sizes in another way."""


class Measure(NamedTuple):
    """What stands on the vertical axis."""

    title: str
    unit_title: str
    scale: float
    written: Callable[[float], str]


MEASURES = {
    "latency_ms": Measure("Time of a pass", "ms", 1.0, duration),
    "memory_bytes": Measure("Peak memory above weights and input", "MB", 1e-6, data_size),
    "clips_per_s": Measure(
        "Clips per second", "clips/s", 1.0, lambda value: f"{significant(value)} clips/s"
    ),
    "tokens_per_s": Measure(
        "Tokens per second", "tokens/s", 1.0, lambda value: f"{significant(value)} tokens/s"
    ),
}
AXES = {
    "tokens": "Tokens of all clips",
    "num_frames": "Frames of a clip",
    "image_size": "Pixels a side",
    "batch": "Clips at once",
}


def cost_figure(sweep: Sweep | None, measure: str, axis: str = "tokens") -> go.Figure:
    """A line per curve on logarithmic axes; crosses mark what ran out of memory or time."""
    known = MEASURES[measure]
    results = [] if sweep is None else sweep.results
    drawn = [result for result in results if getattr(result, measure)]
    if not drawn:
        return placeholder(f"{known.title}: points appear here as they are measured.")
    figure = go.Figure()
    named = set()
    for group in _lines(drawn, axis):
        figure.add_trace(_line(group, measure, axis, named))
    top = max(getattr(result, measure) for result in drawn) * known.scale
    over = [result for result in results if result.status in ("out_of_memory", "over_time")]
    if over and measure in ("latency_ms", "memory_bytes"):
        figure.add_trace(_crosses(over, axis, 2 * top))
    figure.update_xaxes(title=AXES[axis], **_sizes_axis(results, axis))
    figure.update_yaxes(type="log", title=known.unit_title, dtick="D2", minor_showgrid=False)
    return _with_legend(styled(figure, height=_HEIGHT), len(figure.data))


def ratio_figure(summary: SweepSummary | None, measure: str, paper_tokens: int) -> go.Figure:
    """How many times a peer costs what the scan does, with what the paper states at its size."""
    from analysis.profiling.sweep import summary as facts

    paper = facts.PAPER_TIMES[measure]
    ratios = [] if summary is None else [r for r in summary.ratios if r.times(measure)]
    if not ratios:
        return placeholder("Needs a scanning model and a peer of its size at one common size.")
    figure = go.Figure()
    several = len({ratio.scan for ratio in ratios}) > 1
    for (scan, peer), group in _by_pair(ratios).items():
        group = sorted(group, key=lambda ratio: ratio.all_tokens)
        figure.add_trace(
            go.Scatter(
                x=[ratio.all_tokens for ratio in group],
                y=[ratio.times(measure) for ratio in group],
                mode="lines+markers",
                name=short_label(peer) + (f" / {short_label(scan)}" if several else ""),
                line={"color": model_color(peer.model), "dash": _DASHES.get(peer.kernel, "solid")},
                marker={"symbol": _symbol(peer.model), "size": 8},
                customdata=[
                    f"{short_label(peer)}: {significant(ratio.times(measure))} times "
                    f"{short_label(scan)} at {ratio.num_frames} frames of {ratio.image_size} px"
                    for ratio in group
                ],
                hovertemplate="%{customdata}<extra></extra>",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[paper_tokens],
            y=[paper],
            mode="markers+text",
            name="the paper, against TimeSformer",
            marker={"symbol": "star-diamond", "size": 13, "color": "#8A8D98"},
            text=[f"paper: {paper:g}\N{MULTIPLICATION SIGN}"],
            textposition="middle left",
            hovertemplate=(
                f"The paper's Fig. 1: {paper:g} times at {facts.PAPER_FRAMES} frames of "
                f"{facts.PAPER_IMAGE_SIZE} px<extra></extra>"
            ),
        )
    )
    figure.add_hline(y=1, line={"color": "rgba(128, 130, 140, 0.6)", "width": 1, "dash": "dot"})
    sizes = sorted({ratio.all_tokens for ratio in ratios} | {paper_tokens})
    figure.update_xaxes(title=AXES["tokens"], **_ticks(sizes))
    figure.update_yaxes(type="log", title="times", dtick="D2")
    return _with_legend(styled(figure, height=_HEIGHT), len(figure.data))


def architecture_name(model: str) -> str:
    """An architecture for people: timesformer_tiny_joint is TimeSformer-Ti joint."""
    if model in _NAMES:
        return _NAMES[model]
    if "_adaptor_" in model and not model.startswith("mamba_"):
        return f"{architecture_name(model.replace('_adaptor', ''))} with adaptors"
    family, size, *rest = model.removeprefix("mamba_").split("_")
    name = f"{_FAMILY_NAMES.get(family, family)}-{_SIZE_NAMES.get(size, size)}"
    return " ".join([name, *rest])


def short_label(curve: Curve) -> str:
    """A curve for legends: TimeSformer-Ti joint, softmax."""
    extras = [curve.kernel] if curve.kernel != "auto" else []
    extras += [curve.dtype] if curve.dtype != "float32" else []
    extras += ["training"] if curve.pass_ == "training" else []
    return ", ".join([architecture_name(curve.model), *extras])


def _lines(results: Sequence[PointResult], axis: str) -> list[list[PointResult]]:
    """Results of one curve that differ along the axis alone (all sizes, where it is tokens)."""
    groups: dict[tuple, list[PointResult]] = {}
    for result in results:
        point = result.point
        held = {name: getattr(point, name) for name in ("num_frames", "image_size", "batch")}
        fixed = () if axis == "tokens" else tuple(v for n, v in held.items() if n != axis)
        groups.setdefault((point.curve, fixed), []).append(result)
    return [sorted(group, key=lambda result: _place(result, axis)) for group in groups.values()]


def _line(group: list[PointResult], measure: str, axis: str, named: set) -> go.Scatter:
    known, curve = MEASURES[measure], group[0].point.curve
    values = [getattr(result, measure) * known.scale for result in group]
    whiskers = None
    if measure == "latency_ms":
        whiskers = {
            "type": "data",
            "array": [r.quantile_ms(0.9) - v for r, v in zip(group, values, strict=True)],
            "arrayminus": [v - r.quantile_ms(0.1) for r, v in zip(group, values, strict=True)],
            "width": 2,
            "thickness": 1,
        }
    label = short_label(curve)
    first = label not in named
    named.add(label)
    return go.Scatter(
        x=[_place(result, axis) for result in group],
        y=values,
        error_y=whiskers,
        mode="lines+markers",
        name=label,
        legendgroup=label,
        showlegend=first,
        line={"color": model_color(curve.model), "dash": _dash(curve)},
        marker={"symbol": _symbol(curve.model), "size": 8},
        customdata=[_said(result, known.written(getattr(result, measure))) for result in group],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _crosses(over: list[PointResult], axis: str, height: float) -> go.Scatter:
    return go.Scatter(
        x=[_place(result, axis) for result in over],
        y=[height] * len(over),
        mode="markers",
        name="out of memory or time",
        marker={
            "symbol": "x",
            "size": 11,
            "color": [model_color(result.point.curve.model) for result in over],
        },
        customdata=[_said(result, result.note) for result in over],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _said(result: PointResult, value: str) -> str:
    point = result.point
    batch = f", {point.batch} clips" if point.batch > 1 else ""
    return (
        f"{short_label(point.curve)}: {value} for {point.num_frames} frames of "
        f"{point.image_size} px{batch} ({whole(result.tokens * point.batch)} tokens)"
    )


def _place(result: PointResult, axis: str) -> int:
    if axis == "tokens":
        return result.all_tokens
    return getattr(result.point, axis)


def _dash(curve: Curve) -> str:
    return "dot" if curve.pass_ == "training" else _DASHES.get(curve.kernel, "solid")


def _symbol(model: str) -> str:
    return next((symbol for size, symbol in _SYMBOLS.items() if size in model), "diamond")


def _by_pair(ratios: Sequence[Ratio]) -> dict[tuple, list[Ratio]]:
    pairs: dict[tuple, list[Ratio]] = {}
    for ratio in ratios:
        pairs.setdefault((ratio.scan, ratio.peer), []).append(ratio)
    return pairs


def _sizes_axis(results: Sequence[PointResult], axis: str) -> dict:
    return _ticks(sorted({_place(result, axis) for result in results}))


def _ticks(sizes: list[int]) -> dict:
    """A logarithmic axis with a tick at every size, as long as the words have room."""
    shown = [
        size for index, size in enumerate(sizes) if not index or size > 1.35 * sizes[index - 1]
    ]
    return {
        "type": "log",
        "tickmode": "array",
        "tickvals": shown,
        "ticktext": [whole(size) for size in shown],
    }


def _with_legend(figure: go.Figure, lines: int) -> go.Figure:
    """The legend under the plot, in a row that grows with it, so that the plot keeps its size."""
    rows = -(-lines // 2)
    figure.update_layout(
        height=_HEIGHT + 20 * rows,
        legend={"orientation": "h", "y": -0.22, "yanchor": "top", "x": 0, "font": {"size": 11}},
    )
    return figure
