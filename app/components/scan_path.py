"""The path of each scan order over the clip's token grid, drawn token by token in the browser."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from analysis.ops.scan_order import token_permutation
from app.theme import ASSETS, SCAN_ORDER_NAMES

Row = dict[str, Any]

_TOKEN_ORDER_WORDS = {
    "spatial_first": "spatial first",
    "temporal_first": "temporal first",
}


def build_scan_path(value: str) -> gr.HTML:
    """The player; its value is what `scan_path` gives, packed."""
    return gr.HTML(
        value,
        html_template=(ASSETS / "scan_path.html").read_text(encoding="utf-8"),
        css_template=(ASSETS / "scan_path.css").read_text(encoding="utf-8"),
        js_on_load=(ASSETS / "scan_path.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="scan-path",
        label="Scan paths over the token grid",
    )


def scan_path(rows: Sequence[Row]) -> dict[str, Any]:
    """What the browser needs to draw the orders of rows of `analysis.scan_comparison.rows`.

    A plan that mixes orders gives one lane for each kind of layer, and one for each token order
    that a direction reads side by side.
    """
    t, h, w = rows[0]["grid"] if rows else (0, 0, 0)
    read = sorted({name for row in rows for name in row["token_orders"]})
    return {
        "grid": {"t": t, "h": h, "w": w},
        "token_orders": {name: token_permutation(name, t, h, w).tolist() for name in read},
        "orders": [
            {
                "name": row["scan_order"],
                "title": SCAN_ORDER_NAMES[row["scan_order"]],
                "badges": _badges(row),
                "lanes": _lanes(row["layer_kinds"]),
            }
            for row in rows
        ],
    }


def layers_in_words(layers: Sequence[int], depth: int) -> str:
    """Layer numbers, counted from 1, as a visitor reads them: "all layers", "layers 1-3"."""
    numbers = [layer + 1 for layer in layers]
    if len(numbers) == depth:
        return "all layers"
    contiguous = numbers == list(range(numbers[0], numbers[-1] + 1))
    if contiguous and len(numbers) > 1:
        return f"layers {numbers[0]}\N{EN DASH}{numbers[-1]}"
    if len(numbers) > 1 and numbers == list(range(numbers[0], numbers[-1] + 1, 2)):
        return f"{'odd' if numbers[0] % 2 else 'even'} layers"
    return f"layer{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


def _badges(row: Row) -> list[dict[str, str]]:
    tone = {"trained order": "good", "reordered": "warn", "untrained": "bad"}[row["relation"]]
    badges = [{"text": row["relation"], "tone": tone}]
    if row["interpretation"] == "our reading":
        badges.append({"text": "our reading", "tone": "plain"})
    return badges


def _lanes(layer_kinds: Sequence[Row]) -> list[dict[str, str]]:
    depth = sum(len(kind["layers"]) for kind in layer_kinds)
    return [
        {
            "caption": f"{layers_in_words(kind['layers'], depth)}: "
            f"{_directions(forward, backward)}",
            "forward": forward,
            "backward": backward,
        }
        for kind in layer_kinds
        for forward, backward in zip(kind["forward"], kind["backward"], strict=True)
    ]


def _directions(forward: str, backward: str) -> str:
    forward, backward = _TOKEN_ORDER_WORDS[forward], _TOKEN_ORDER_WORDS[backward]
    if forward == backward:
        return f"{forward}, both directions"
    return f"forward {forward}, backward {backward}"
