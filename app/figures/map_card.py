"""The words on a method's card: what it is, how it adds up, what it leaves out."""

from collections.abc import Sequence
from html import escape

from analysis.attribution.attribution import METHODS
from analysis.attribution.method import Method
from app.figures.badge import badge
from app.figures.evidence import Map, contrast, evidence_by_step, frames_in_words, main_span
from app.figures.number_format import THIN_SPACE, duration, share, with_minus
from app.figures.proof_badge import proof_badge

_PALETTE = (
    "#80BA5A",
    "#E68310",
    "#3D8BCD",
    "#7F3C8D",
    "#A5793B",
    "#E73F74",
    "#3F4FB5",
    "#2A8C9E",
    "#B95E82",
    "#6C8E0E",
    "#8E6FD8",
    "#C94F3D",
    "#9C9DA3",
    "#11A579",
    "#CF1C90",
    "#4B6FA8",
)
"""One colour per method, in the order of METHODS; its name always stands beside it."""

_CANVAS = '<canvas class="map-picture" role="img"></canvas>'

FLAT = 0.05
"""Below this contrast a map says little, and its card says so."""


def method_color(name: str) -> str:
    return _PALETTE[list(METHODS).index(name) % len(_PALETTE)]


def waiting_card(name: str, note: str = "") -> str:
    """The card before its map: the same places, with `note` for what to do."""
    method = METHODS[name]
    head = _head(method, badge("not computed yet", "plain"))
    facts = f"<p>{escape(method.description)}</p>" + (f"<p>{escape(note)}</p>" if note else "")
    return f"{head}{_body(facts)}{_foot(method.omits)}"


def failed_card(name: str, sentence: str) -> str:
    """The card of a method that cannot explain this model or clip."""
    method = METHODS[name]
    head = _head(method, badge("not possible here", "warn"))
    return f"{head}{_body(f'<p>{escape(sentence)}</p>')}{_foot(method.omits)}"


def map_card(one: Map, tubelet: int, picture: str = _CANVAS, strip: str = "") -> str:
    """The card of a finished map.

    picture, strip: HTML in the places of the large picture and of the strip under it; the page
    draws into both.
    """
    method = METHODS[one["method"]]
    head = _head(method, proof_badge(one["completeness_error"]))
    facts = "".join(
        f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in _facts(one, tubelet)
    )
    return f"{head}{_body(f'<dl>{facts}</dl>', picture, strip)}{_foot(one['omits'])}"


def _facts(one: Map, tubelet: int) -> list[tuple[str, str]]:
    steps = evidence_by_step(one)
    span = main_span(steps)
    facts = [
        ("Most in", f"{frames_in_words(span.first, span.last, tubelet)}, {share(_two(span.share))}")
    ]
    if contrast(one) < FLAT:
        facts = [("Nearly flat", f"tokens differ by {share(_two(contrast(one)))} at most")]
    elif len(steps) == 1:
        facts = []
    if one["signed"]:
        against = sum(opposing for _, opposing in steps)
        facts.append(("Against the class", share(_two(against))))
    if one["bias_share"] is not None:
        facts.append(
            ("Biases of the logit", f"{with_minus(100 * one['bias_share'], 2)}{THIN_SPACE}%")
        )
    facts.append(("Took", duration(one["latency_ms"])))
    return facts


def _two(fraction: float) -> float:
    return float(f"{fraction:.2g}")


def _head(method: Method, mark: str) -> str:
    title = escape(method.title)
    return (
        f'<h4 class="map-title" title="{escape(method.description)}">{title}</h4>'
        f'<div class="map-proof">{mark}<span>{escape(method.family)}</span></div>'
    )


def _body(facts: str, picture: str = _CANVAS, strip: str = "") -> str:
    return (
        f'<div class="map-body">{picture}<div class="map-facts">{facts}</div></div>'
        f'<div class="map-strip">{strip}</div>'
    )


def _foot(omits: Sequence[str]) -> str:
    words = f"Leaves out {', '.join(omits)}." if omits else "Leaves no part of the model out."
    return f'<p class="map-omits" title="{escape(words)}">{escape(words)}</p>'
