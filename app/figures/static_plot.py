"""Live plots as still pictures: the same lines, bars, colours and words as SVG, for files.

Of plotly it knows what the pages' line and bar plots use: scatter lines, upright bars in groups,
linear, logarithmic and named axes, straight marks and their words.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go

from app.figures.number_format import compact, share

WIDTH, HEIGHT = 460, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 10, 44
_MOST_NAMES = 12
_TICKS = 5
_DASHES = {"solid": "", "dash": "6 4", "dot": "2 3"}
_SMALL = 0.001
"""Below this numbers are written with powers of ten; their zeros would take too much room."""
_LINE_WIDTH = 2
"""Of lines that leave it to plotly."""
_WRITTEN_OUT = 4
"""Powers of ten up to this one either way are written as numbers."""
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_GROUP = 0.72
"""Share of its place that a group of bars takes."""


@dataclass(frozen=True)
class _Axis:
    """From `low` to `high`, in powers of ten if `log`, along the pixels `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        along = math.log10(value) if self.log else value
        share_of = (along - self.low) / ((self.high - self.low) or 1.0)
        return round(self.start + share_of * (self.end - self.start), 1)


def static_plot(figure: go.Figure, label: str) -> str:
    """`figure` as an SVG with its legend under it; colours of text and lines follow the page.

    label: what the picture shows, for those who hear it.
    """
    names = _names(figure)
    across = _across(figure, names)
    upward = _upward(figure)
    marks = [_grid(figure, across, upward, names)]
    if names:
        marks.append(_bars(figure, across, upward))
    marks += [_line(trace, across, upward) for trace in figure.data if trace.type == "scatter"]
    marks += [_mark(shape, across, upward) for shape in figure.layout.shapes]
    marks += [_mark_words(note, across) for note in figure.layout.annotations]
    return (
        f'<div class="static-plot"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(label)}">{"".join(marks)}</svg>{_legend(figure)}</div>'
    )


def _names(figure: go.Figure) -> list[str]:
    """What stands under groups of bars; empty for plots of lines."""
    return list(dict.fromkeys(x for trace in figure.data if trace.type == "bar" for x in trace.x))


def _across(figure: go.Figure, names: Sequence[str]) -> _Axis:
    start, end = _LEFT, WIDTH - _RIGHT
    if names:
        return _Axis(-0.5, len(names) - 0.5, start, end)
    axis = figure.layout.xaxis
    low, high = axis.range or _extent(v for trace in figure.data for v in trace.x)
    return _Axis(low, high, start, end, log=axis.type == "log")


def _upward(figure: go.Figure) -> _Axis:
    axis = figure.layout.yaxis
    if axis.type == "log":
        low, high = axis.range
        return _Axis(low, high, HEIGHT - _BOTTOM, _TOP, log=True)
    if axis.range:
        low, high = axis.range
    else:
        low, high = _extent(v for trace in figure.data for v in trace.y)
        if axis.rangemode == "tozero" or any(trace.type == "bar" for trace in figure.data):
            low, high = min(low, 0.0), max(high, 0.0)
        margin = 0.05 * ((high - low) or 1.0)
        low, high = low - margin * (low < 0), high + margin
    return _Axis(low, high, HEIGHT - _BOTTOM, _TOP)


def _extent(values: Iterable[float]) -> tuple[float, float]:
    known = [float(value) for value in values]
    return min(known), max(known)


def _grid(figure: go.Figure, across: _Axis, upward: _Axis, names: Sequence[str]) -> str:
    x_axis, y_axis = figure.layout.xaxis, figure.layout.yaxis
    parts = []
    for value, words in _y_ticks(upward, y_axis):
        y = upward.at(value)
        parts.append(_rule(across.start, y, across.end, y, "zero" if value == 0 else ""))
        parts.append(_words(across.start - 6, y + 4, words, "end"))
    base = upward.start
    for value, words in _x_ticks(across, x_axis, names):
        x = across.at(value)
        if not names:
            parts.append(_rule(x, upward.start, x, upward.end))
        parts.append(_words(x, base + 16, words, "middle"))
    middle = (across.start + across.end) / 2
    parts.append(_words(middle, HEIGHT - 8, x_axis.title.text or "", "middle", "title"))
    height = (upward.start + upward.end) / 2
    turned = f'transform="rotate(-90 12 {height})"'
    parts.append(_words(12, height, y_axis.title.text or "", "middle", "title", turned))
    return "".join(parts)


def _y_ticks(upward: _Axis, axis: Any) -> list[tuple[float, str]]:
    if upward.log:
        return _powers(upward)
    return [(value, _written(value, axis.tickformat)) for value in _steps(upward.low, upward.high)]


def _powers(axis: _Axis) -> list[tuple[float, str]]:
    """The powers of ten along an axis, far ones from 1 written with their exponents."""
    exponents = range(math.ceil(axis.low), math.floor(axis.high) + 1)
    return [
        (10.0**n, compact(10.0**n) if abs(n) <= _WRITTEN_OUT else f"10{str(n).translate(_RAISED)}")
        for n in exponents
    ]


def _x_ticks(across: _Axis, axis: Any, names: Sequence[str]) -> list[tuple[float, str]]:
    if names:
        every = -(-len(names) // _MOST_NAMES)
        return [(index, names[index]) for index in range(0, len(names), every)]
    if across.log:
        return _powers(across)
    if axis.dtick:
        values = range(math.ceil(across.low), math.floor(across.high) + 1, int(axis.dtick))
    else:
        values = _steps(across.low, across.high)
    return [(value, _written(value, axis.tickformat)) for value in values]


def _steps(low: float, high: float) -> list[float]:
    """Round numbers from `low` to `high`, about `_TICKS` of them."""
    rough = ((high - low) or 1.0) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= 0.8 * rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def _written(value: float, tick_format: str | None) -> str:
    sign = "\N{MINUS SIGN}" if value < 0 else ""
    size = abs(value)
    if set("%p") & set(tick_format or ""):
        return sign + share(size)
    return sign + (_in_powers(size) if 0 < size < _SMALL else compact(size))


def _in_powers(size: float) -> str:
    """A small number by its power of ten."""
    exponent = math.floor(math.log10(size) + 1e-9)
    times = compact(size / 10.0**exponent)
    power = f"10{str(exponent).translate(_RAISED)}"
    return power if times == "1" else f"{times}\N{MULTIPLICATION SIGN}{power}"


def _line(trace: go.Scatter, across: _Axis, upward: _Axis) -> str:
    points = " ".join(
        f"{across.at(x)},{upward.at(y)}"
        for x, y in zip(trace.x, trace.y, strict=True)
        if _is_drawn(y, upward)
    )
    return (
        f'<polyline points="{points}" fill="none" opacity="{trace.opacity or 1}" '
        f"{_stroke(trace.line)}/>"
    )


def _is_drawn(value: float, upward: _Axis) -> bool:
    """Whether a logarithmic axis reaches a value; linear ones reach all but gaps."""
    if upward.log:
        return value > 0 and math.log10(value) >= upward.low
    return math.isfinite(value)


def _bars(figure: go.Figure, across: _Axis, upward: _Axis) -> str:
    traces = [trace for trace in figure.data if trace.type == "bar"]
    wide = _GROUP * (across.at(1) - across.at(0)) / len(traces)
    parts = []
    for place, trace in enumerate(traces):
        for index, value in enumerate(trace.y):
            left = across.at(index) + (place - len(traces) / 2) * wide
            top, bottom = upward.at(max(value, 0.0)), upward.at(min(value, 0.0))
            parts.append(
                f'<rect x="{left:.1f}" y="{top}" width="{0.94 * wide:.1f}" '
                f'height="{bottom - top:.1f}" fill="{trace.marker.color}">'
                f"<title>{escape(trace.name)}: {_written(value, '%')}</title></rect>"
            )
    return "".join(parts)


def _mark(shape: Any, across: _Axis, upward: _Axis) -> str:
    """A straight line across the plot, or up through it."""
    lying = shape.y0 == shape.y1
    xs = (across.start, across.end) if lying else (across.at(shape.x0),) * 2
    ys = (upward.at(shape.y0),) * 2 if lying else (upward.start, upward.end)
    return (
        f'<line x1="{xs[0]}" y1="{ys[0]}" x2="{xs[1]}" y2="{ys[1]}" {_stroke(shape.line)} '
        'class="mark"/>'
    )


def _mark_words(note: Any, across: _Axis) -> str:
    """Words along an upright line, left of its upper end; plotly gives their place as a power."""
    x = across.at(10.0**note.x if across.log else note.x) - 4
    turned = f'transform="rotate(-90 {x} {_TOP + 2})"'
    return _words(x, _TOP + 2, note.text, "end", "", turned)


def _stroke(line: Any) -> str:
    dashes = f' stroke-dasharray="{_DASHES[line.dash]}"' if _DASHES[line.dash or "solid"] else ""
    return f'stroke="{line.color}" stroke-width="{line.width or _LINE_WIDTH}"{dashes}'


def _rule(x1: float, y1: float, x2: float, y2: float, kind: str = "") -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="rule {kind}"/>'


def _words(x: float, y: float, text: str, anchor: str, kind: str = "", more: str = "") -> str:
    if not text:
        return ""
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" class="{kind}" {more}>{escape(text)}</text>'
    )


def _legend(figure: go.Figure) -> str:
    items = "".join(
        f"<li>{_sample(trace)}{escape(trace.name or '')}</li>"
        for trace in figure.data
        if trace.showlegend is not False
    )
    return f'<ul class="plot-legend">{items}</ul>'


def _sample(trace: Any) -> str:
    stroke = (
        f'stroke="{trace.marker.color}" stroke-width="9"'
        if trace.type == "bar"
        else _stroke(trace.line)
    )
    return (
        '<svg viewBox="0 0 22 10" width="22" height="10" aria-hidden="true">'
        f'<line x1="0" y1="5" x2="22" y2="5" {stroke}/></svg>'
    )
