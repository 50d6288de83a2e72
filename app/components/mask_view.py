"""The clip under the masks of all strategies, and what each leaves to the scan."""

import base64
from typing import Any

import gradio as gr
import numpy as np

from analysis.masking.compacted_scan import CompactedScan, scan_shares
from analysis.masking.strategies import STRATEGIES, Strategy
from analysis.ops.scan_order import token_permutation
from analysis.prediction import SampledClip
from app.figures.film import clip_identity
from app.figures.heat import heat_sprite, legend_gradient
from app.figures.mask_words import (
    GUIDE_BUTTONS,
    GUIDE_WORDS,
    count_words,
    order_words,
    origin,
    rule,
)
from app.figures.number_format import NO_VALUE, share, significant, whole
from app.mask_runs import TOKEN_ORDERS, DrawnMasks, Guide, MaskSetting
from app.selection import Selection
from app.session import planned
from app.theme import ASSETS, SCAN_ORDER_NAMES, STRATEGY_COLORS, STRATEGY_NAMES

_SCRIPTS = (
    "mask_view_frames.js",
    "mask_view_scans.js",
    "mask_view_pointing.js",
    "mask_view.js",
)
"""One program; the last file begins it."""

_LINES = {
    "spatial_first": "one time step as the scan reads it",
    "temporal_first": "one row of sites, each through time",
}
_LINE_OF_IMAGE = "one row of the image"


def build_mask_view() -> gr.HTML:
    """The component; its value is what `mask_view` gives, packed, or None before the first.

    Its custom event `choose` carries the `strategy` whose card was clicked.
    """
    template = (ASSETS / "mask_view.html").read_text(encoding="utf-8")
    return gr.HTML(
        None,
        html_template=template.replace("SEQUENTIAL", legend_gradient(False)),
        css_template=(ASSETS / "mask_view.css").read_text(encoding="utf-8"),
        js_on_load="\n".join((ASSETS / name).read_text(encoding="utf-8") for name in _SCRIPTS),
        apply_default_css=False,
        elem_id="mask-view",
        label="The clip under its masks",
    )


def leading_order(scan_order: str, depth: int) -> str:
    """The token order that most scans of a model read; of equals the first."""
    shares = scan_shares(scan_order, depth)
    return max(TOKEN_ORDERS, key=lambda name: shares.get(name, 0.0))


def mask_view(drawn: DrawnMasks, sampled: SampledClip, selection: Selection) -> dict[str, Any]:
    """What the browser draws: every strategy's mask, and the orders in which scans read it."""
    grid, tubelet = drawn.grid, selection.tubelet(drawn.grid)
    config = planned(selection).config
    shares = scan_shares(selection.scan_order, config.depth)
    return {
        "clip": clip_identity(sampled),
        "grid": {"t": grid.t, "h": grid.h, "w": grid.w},
        "tubelet": tubelet,
        "conv_width": config.conv_width,
        "chosen": drawn.setting.strategy,
        "ratio": drawn.setting.ratio,
        "seed": drawn.setting.seed,
        "fresh": MaskSetting().text,
        "order": leading_order(selection.scan_order, config.depth),
        "orders": [_order(name, drawn, shares.get(name, 0.0)) for name in TOKEN_ORDERS],
        "strategies": [_strategy(drawn, one) for one in STRATEGIES.values()],
        "file_name": f"{selection.clip_name}-masks",
    }


def _order(name: str, drawn: DrawnMasks, scans: float) -> dict[str, Any]:
    """`line` tokens are drawn side by side; closed up, a line holds some `unit` tokens."""
    t, h, w = drawn.grid.t, drawn.grid.h, drawn.grid.w
    spatial = name == "spatial_first"
    path = token_permutation(name, t, h, w).numpy().astype("<u4")
    return {
        "name": name,
        "title": SCAN_ORDER_NAMES[name],
        "words": order_words(name, scans),
        "note": _note(_LINES[name] if t > 1 else _LINE_OF_IMAGE),
        "path": _text(path.tobytes()),
        "line": w if t == 1 else h * w if spatial else w * t,
        "unit": w if spatial or t == 1 else t,
    }


def _note(line: str) -> str:
    return (
        f"A line is {line}. Coloured: visible tokens, the stronger the longer they stand "
        "together; in long runs the convolution finds real neighbours."
    )


def _strategy(drawn: DrawnMasks, strategy: Strategy) -> dict[str, Any]:
    mask = drawn.shown(strategy.name)
    guide = drawn.guides[strategy.reads] if strategy.reads else None
    return {
        "name": strategy.name,
        "title": STRATEGY_NAMES[strategy.name],
        "color": STRATEGY_COLORS[strategy.name],
        "origin": origin(strategy),
        "rule": rule(drawn, strategy),
        "count": count_words(drawn, strategy.name),
        "real": share(round(drawn.real_ratio(strategy.name), 3)),
        "mask": _text(np.packbits(mask).tobytes()),
        "guide": guide and _guide(guide, strategy.reads),
        "runs": {name: _runs(drawn.scan(strategy.name, name)) for name in TOKEN_ORDERS},
    }


def _runs(scan: CompactedScan) -> dict[str, str]:
    count = round(sum(scan.run_counts))
    tokens = sum(length * runs for length, runs in enumerate(scan.run_counts, 1))
    return {
        "count": f"{whole(tokens)} tokens in {whole(count)} run{'s' * (count != 1)}",
        "mean": significant(scan.mean_run) if scan.mean_run else NO_VALUE,
        "longest": whole(scan.longest_run),
    }


def _guide(guide: Guide, reads: str) -> dict[str, str]:
    return {
        "button": GUIDE_BUTTONS[reads],
        "words": GUIDE_WORDS[reads],
        "heat": heat_sprite(guide.weights, signed=False),
    }


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
