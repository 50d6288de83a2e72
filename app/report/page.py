"""The report as one HTML file: no scripts, nothing fetched, readable on paper and on a phone."""

import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape

from app.attributions import selection_settings
from app.components.export import environment
from app.figures.badge import relation_badge, training_badge
from app.figures.number_format import NO_VALUE
from app.report import how
from app.report.commands import commands
from app.report.findings import Findings
from app.report.sections import Section, sections, settings_of_maps
from app.selection import trained_order
from app.theme import ASSETS, SCAN_ORDER_NAMES

_STYLE_SHEETS = (
    "theme.css",
    "results.css",
    "figures.css",
    "sorted_table.css",
    "hidden_states.css",
    "attribution.css",
    "attribution_maps.css",
    "adapters.css",
    "adapters_memory.css",
    "report.css",
)
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""The browser itself keeps the file from asking anyone for anything."""
_TRAINING_WORDS = {
    "trained": "weights released by the authors of the model",
    "toy": "toy-trained weights: trained here on made material, a teaching model",
    "zero-shot": "a trained CLIP that learned none of the classes, with untrained scans",
    "untrained": "untrained weights: random numbers, whose answers mean nothing",
}


def report_name(findings: Findings) -> str:
    return f"{findings.selection.clip_name}-report"


def report_page(findings: Findings) -> str:
    """The whole document as text."""
    selection = findings.selection
    title = f"{selection.clip_name} read by {selection.model}"
    parts = [*sections(findings), Section("How to get these numbers again", _origin(findings))]
    body = "".join(_section(number, part) for number, part in enumerate(parts, start=1))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{_styles()}</style></head>"
        f'<body class="report"><main>{_head(findings)}{_contents(parts)}{body}</main></body></html>'
    )


def _head(findings: Findings) -> str:
    selection, card = findings.selection, findings.card
    badges = [training_badge(card.training)]
    reordered = card.training != "untrained" and selection.scan_order != trained_order(card)
    if reordered:
        badges.append(relation_badge("reordered"))
    times = "\N{MULTIPLICATION SIGN}"
    frames = "1 frame" if selection.num_frames == 1 else f"{selection.num_frames} frames"
    order = SCAN_ORDER_NAMES[selection.scan_order].lower()
    told = (
        f"{frames} at {selection.image_size}{times}{selection.image_size}, scan order {order}"
        f"{' (the weights were trained in another one)' if reordered else ''}; "
        f"{_TRAINING_WORDS[card.training]}."
    )
    moment = findings.made_at.strftime("%Y-%m-%d %H:%M UTC")
    return (
        f'<header><p class="report-kind">ScanScope report <time>{moment}</time></p>'
        f"<h1>{escape(selection.clip_name)}</h1>"
        f'<p class="report-model">read by <b>{escape(selection.model)}</b> {" ".join(badges)}</p>'
        f"<p>{escape(told)}</p>{_missing(findings)}</header>"
    )


def _missing(findings: Findings) -> str:
    if findings.not_here:
        return f'<p class="report-missing">Nothing is computed yet. {escape(findings.not_here)}</p>'
    words = []
    if findings.missing:
        words.append(
            "Not computed for this clip in this setting, so not in here: "
            f"{'; '.join(findings.missing)}."
        )
    if findings.left_out:
        words.append(f"Maps are known, but left out, of {', '.join(findings.left_out)}.")
    return f'<p class="report-missing">{escape(" ".join(words))}</p>' if words else ""


def _contents(parts: list[Section]) -> str:
    items = "".join(
        f'<li><a href="#part-{number}">{escape(part.title)}</a></li>'
        for number, part in enumerate(parts, start=1)
    )
    return f'<nav aria-label="Contents"><ol>{items}</ol></nav>'


def _section(number: int, part: Section) -> str:
    return (
        f'<section id="part-{number}"><h2><span>{number}</span> {escape(part.title)}</h2>'
        f"{part.content}{how.account(*part.accounts) if part.accounts else ''}</section>"
    )


def _origin(findings: Findings) -> str:
    lines = "".join(f"<code>{escape(line)}</code>" for line in commands(findings))
    settings = {
        **selection_settings(findings.selection),
        "clip_sha256": findings.clip_sha256,
        "weights_sha256": findings.weights_sha256 or NO_VALUE,
        "frame_indices": ", ".join(map(str, findings.sampled.frame_indices)),
    }
    return (
        "<p>In a folder with ScanScope and the clip. Curves, what ifs and what adapters do come "
        "from the page, or from its endpoints /what_if, /adapters and /adaptor_memory; times "
        "depend on the machine.</p>"
        f'<div class="report-commands">{lines}</div>{settings_of_maps(findings)}'
        f'<div class="report-pair">{_table("Setting", settings)}'
        f"{_table('Environment', environment())}</div>"
    )


def _table(title: str, entries: Mapping[str, object]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(str(value))}</td></tr>'
        for name, value in entries.items()
    )
    return (
        f'<div><h3>{escape(title)}</h3><table class="report-table report-pairs"><tbody>{rows}'
        "</tbody></table></div>"
    )


@lru_cache(maxsize=1)
def _styles() -> str:
    sheets = [(ASSETS / name).read_text(encoding="utf-8") for name in _STYLE_SHEETS]
    return dark_by_preference("\n".join(sheets))


def dark_by_preference(css: str) -> str:
    """The page's colours where the reader's system chooses light or dark; paper is always light."""
    return re.sub(
        r"\.dark,\s*\.dark \.gradio-container \{([^}]*)\}",
        r"@media screen and (prefers-color-scheme: dark) { :root {\1} }",
        css,
    )
