"""Multiply-adds and parameters of models side by side, as bars cut into parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from app.figures.number_format import in_thousands, percent
from app.figures.region_names import REGION_LOOKS, RegionLook

if TYPE_CHECKING:  # It brings the models; the page opens without.
    from analysis.profiling.attention_peers import TitledArithmetic

_ATTENTION = REGION_LOOKS["attention"]

PART_LOOKS: dict[str, RegionLook] = {
    "tower": RegionLook("CLIP's tables", "CLS, positions, last projection", "#A8875A", False),
    "positions": RegionLook("CLS and positions", "learned tables", "#C9A66B", False),
    "patch_embed": REGION_LOOKS["embed"]._replace(name="Patches", meaning="pixels to tokens"),
    "downsample": RegionLook(
        "Between stages", "half the grid, twice the channels", "#8C9C3F", False
    ),
    "norm": REGION_LOOKS["norm"],
    "in_proj": REGION_LOOKS["in_proj"],
    "conv1d": REGION_LOOKS["conv"],
    "conv2d": REGION_LOOKS["conv"]._replace(name="2-D convolution", color="#5BA3C7"),
    "x_proj": REGION_LOOKS["x_proj"],
    "dt_proj": RegionLook("Step sizes", "low rank to inner channels", "#E69F00", False),
    "selection": RegionLook(
        "Selection", "what four directions take from a token", "#D9A300", False
    ),
    "scan": REGION_LOOKS["scan"]._replace(meaning="recurrence, skip and gate, both directions"),
    "adaptor_t": RegionLook("Adaptor-T", "memory of chosen tokens", "#7B4FA3", True),
    "adaptor_s": RegionLook("Adaptor-S", "dilated convolutions", "#B07CC6", False),
    "qkv": REGION_LOOKS["qkv"],
    "attention_scores": _ATTENTION._replace(
        name="Attention scores", meaning="queries times keys, for every pair of tokens"
    ),
    "attention_values": _ATTENTION._replace(
        name="Attention values", meaning="weights times values", color="#F0955A", dark=False
    ),
    "out_proj": REGION_LOOKS["out_proj"],
    "mlp": REGION_LOOKS["mlp"],
    "head": REGION_LOOKS["head"],
}
"""Parts in the order of a pass, in the colours of the regions of a profile."""

AS_PRINTED = "as its paper counts"


class _Bar(NamedTuple):
    title: str
    parts: dict[str, int]
    added: set[str]


def multiply_adds_bars(models: Sequence[TitledArithmetic]) -> str:
    """A bar per model; under a scanning one, what its paper's way of counting sees of it.

    Parts that were added from a formula are hatched.
    """
    bars = []
    for model in models:
        parts = {part.part: part.multiply_adds for part in model.arithmetic.parts}
        added = {part.part for part in model.arithmetic.parts if part.added}
        bars.append(_Bar(model.title, parts, added))
        seen = model.arithmetic.parts_of_paper
        if len(seen) < len(parts):
            bars.append(
                _Bar(f"{model.title}, {AS_PRINTED}", {part: parts[part] for part in seen}, set())
            )
    return _bars(bars, in_thousands, "Multiply-adds by part, once they are counted.")


def parameters_bars(models: Sequence[TitledArithmetic]) -> str:
    """A bar of parameters per model."""
    bars = [_Bar(model.title, model.arithmetic.parameters, set()) for model in models]
    return _bars(bars, in_thousands, "Parameters by part, once they are counted.")


def _bars(bars: Sequence[_Bar], written: Callable[[float], str], waiting: str) -> str:
    if not bars:
        return f'<p class="profile-empty">{waiting}</p>'
    longest = max(sum(bar.parts.values()) for bar in bars)
    drawn = "".join(_bar(bar, longest, written) for bar in bars)
    return f'<div class="region-bars">{drawn}{_legend(bars)}</div>'


def _bar(bar: _Bar, longest: int, written: Callable[[float], str]) -> str:
    total = sum(bar.parts.values())
    shown = [(part, bar.parts[part]) for part in PART_LOOKS if bar.parts.get(part)]
    words = {
        part: f"{PART_LOOKS[part].name}: {written(value)}, {percent(value / total)}"
        for part, value in shown
    }
    pieces = "".join(
        f'<i class="{"added" if part in bar.added else "counted"}" '
        f'style="width:{100 * value / longest:.3f}%;background-color:{PART_LOOKS[part].color}" '
        f'title="{escape(words[part])}"></i>'
        for part, value in shown
    )
    spoken = "; ".join(words[part] for part, _ in shown)
    return (
        f'<div class="region-bar"><div class="region-bar-head"><b>{escape(bar.title)}</b>'
        f"<span>{written(total)}</span></div>"
        f'<div class="region-track" role="img" aria-label="{escape(f"{bar.title}: {spoken}")}">'
        f"{pieces}</div></div>"
    )


def _legend(bars: Sequence[_Bar]) -> str:
    keys = "".join(
        f'<span title="{escape(look.meaning)}"><i style="background-color:{look.color}"></i>'
        f"{escape(look.name)}</span>"
        for part, look in PART_LOOKS.items()
        if any(bar.parts.get(part) for bar in bars)
    )
    if any(bar.added for bar in bars):
        color = REGION_LOOKS["scan"].color
        keys += f'<span><i class="added" style="background-color:{color}"></i>from a formula</span>'
    return f'<div class="region-legend">{keys}</div>'
