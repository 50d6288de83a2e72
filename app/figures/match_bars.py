"""What speaks for a match, and what against it: bars to the right and to the left of zero."""

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

from app.figures.alignment import cosine, time_step_words
from app.figures.badge import badge, training_badge
from app.figures.number_format import significant
from app.figures.proof_badge import proof_badge

Report = dict[str, Any]

_NOTHING = 1e-6
LEVEL_TITLES = {
    "entering": "Tokens that enter the last layer",
    "final": "Tokens after the last layer",
}


class Bar(NamedTuple):
    """A row: what it is of, its amount, and what stands behind its number."""

    name: str
    amount: float
    note: str = ""


def no_match_view() -> str:
    """Before a moment is chosen."""
    return (
        '<div class="match-view"><p class="match-empty">Choose a moment above: what of it speaks '
        "for the text stands here.</p></div>"
    )


def match_view(report: Report, level: str) -> str:
    """The sum with its proof, the time steps, and the words, for one of `LEVEL_TITLES`."""
    return (
        f'<div class="match-view">{proof_line(report, level)}'
        f"{_section('By time step: what its patches give', step_bars(report, level))}"
        f"{_section('By word: how far it falls without', word_bars(report))}</div>"
    )


def proof_line(report: Report, level: str) -> str:
    """The parts as a sum, beside the model's own number, and how far they are apart."""
    parts = report["levels"][level]
    sum_words = " + ".join(
        f"<span><b>{signed(parts[key])}</b> {name}</span>"
        for key, name in (("patches", "patches"), ("cls", "CLS"), ("constant", "biases"))
    )
    total = cosine(parts["total"])
    asked = "similarity" if report["other"] is None else "difference of similarities"
    marks = (
        proof_badge(parts["completeness_error"])
        + badge(
            "denominators held fixed",
            "plain",
            "Norms and lengths are held at this clip's values; between them the model is linear.",
        )
        + training_badge(report["training"], f"Trained on {report['data']}.")
    )
    return (
        f'<p class="match-sum">{sum_words} = <span><b class="match-total">{total}</b></span></p>'
        f'<p class="match-own">the model\'s own {asked}: '
        f"<b>{cosine(report['similarity'])}</b>, "
        f"match score {signed(report['text']['match_logit'], 2)}</p>"
        f'<div class="match-marks">{marks}</div>'
    )


def step_bars(report: Report, level: str) -> str:
    """What the patches of each time step give, and the step's own cosine where there is one."""
    steps = report["levels"][level]["by_step"]
    cosines = [vector["cosine"] for vector in report["vectors"]]
    own = level == "final" and len(cosines) == len(steps) > 1
    what = "cosine" if report["other"] is None else "apart"
    return signed_bars(
        [
            Bar(
                time_step_words(step, report["tubelet"]).capitalize(),
                amount,
                f"{what} {cosine(cosines[step])}" if own else "",
            )
            for step, amount in enumerate(steps)
        ]
    )


def word_bars(report: Report) -> str:
    """How far the similarity falls without each word of the text."""
    return signed_bars(
        [
            Bar(
                word["word"],
                word["similarity_drop"],
                f"match {signed(word['match_drop'], 2)}",
            )
            for word in report["words"]
        ]
    )


def signed_bars(bars: Sequence[Bar]) -> str:
    """Rows on one scale, zero in the middle."""
    widest = max((abs(bar.amount) for bar in bars), default=0) or 1.0
    return f'<div class="match-bars">{"".join(_row(bar, widest) for bar in bars)}</div>'


def signed(value: float, digits: int = 3) -> str:
    """With its sign and `digits` behind the point, or the first two that are not zero."""
    written = f"{abs(value):.{digits}f}"
    if float(written) == 0:
        if abs(value) < _NOTHING:
            return written
        written = significant(abs(value), 2)
    return ("+" if value > 0 else "\N{MINUS SIGN}") + written


def _row(bar: Bar, widest: float) -> str:
    half = 50 * abs(bar.amount) / widest
    left = 50 - half if bar.amount < 0 else 50
    tone = "against" if bar.amount < 0 else "for"
    note = f"<small>{escape(bar.note)}</small>" if bar.note else ""
    return (
        f'<div class="match-row"><span class="match-name" title="{escape(bar.name)}">'
        f'{escape(bar.name)}</span><span class="match-track"><i class="{tone}" '
        f'style="left:{left:.2f}%;width:{half:.2f}%"></i></span>'
        f'<span class="match-number">{signed(bar.amount)}{note}</span></div>'
    )


def _section(title: str, content: str) -> str:
    return f"<h4>{title}</h4>{content}"
