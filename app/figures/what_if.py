"""Answers before and after an intervention, and what a linear model would have expected."""

from html import escape
from typing import Any

from app.figures.number_format import NO_VALUE, percent, percent_points, significant

Outcome = dict[str, Any]
ClassRow = dict[str, Any]

SHOWN = 6
SMALL = 0.005
"""A change of logit that is written as none."""


def no_outcome_view() -> str:
    """The table before the first result: rows of the right size, without content."""
    rows = "".join(_empty_row() for _ in range(SHOWN))
    return _table(rows, "outcome-empty")


def outcome_view(outcome: Outcome) -> str:
    """A row per leading class: both probabilities, the change, and the logit's change twice."""
    shown = leading_classes(outcome)
    changes = [row["logit_change"] for row in shown] + [row["linear_change"] for row in shown]
    widest = max((abs(change) for change in changes if change is not None), default=0) or 1.0
    top = max(shown, key=lambda row: row["probability_after"])["label"]
    return _table("".join(_row(row, widest, row["label"] == top) for row in shown))


def leading_classes(outcome: Outcome) -> list[ClassRow]:
    """The most probable classes before and after, those before first."""
    rows = outcome["classes"]
    before = sorted(rows, key=lambda row: -row["probability_before"])
    after = sorted(rows, key=lambda row: -row["probability_after"])
    firsts = [*before[: SHOWN // 2], *after[: SHOWN // 2]]
    rest = [row for pair in zip(before, after, strict=True) for row in pair]
    unique = {row["label"]: row for row in [*firsts, *rest]}
    chosen = list(unique.values())[:SHOWN]
    return sorted(chosen, key=lambda row: -row["probability_before"])


def _table(rows: str, kind: str = "") -> str:
    return (
        f'<div class="outcome {kind}"><table><thead><tr><th scope="col">Class</th>'
        '<th scope="col">Before</th><th scope="col">After</th><th scope="col">Change</th>'
        '<th scope="col">Logit: real change, and as a linear model expects</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _empty_row() -> str:
    return f'<tr><th scope="row">&nbsp;</th>{"<td></td>" * 4}</tr>'


def _row(row: ClassRow, widest: float, is_top: bool) -> str:
    change = row["probability_after"] - row["probability_before"]
    tone = "up" if change > 0 else "down"
    label = escape(row["label"])
    return (
        f'<tr class="{"best" if is_top else ""}"><th scope="row" title="{label}">{label}</th>'
        f"{_bar('Before', row['probability_before'])}{_bar('After', row['probability_after'])}"
        f'<td data-name="Change" class="{tone}">{percent_points(change)}</td>'
        f'<td data-name="Logit">{_change("real", row["logit_change"], widest)}'
        f"{_change('linear', row['linear_change'], widest)}</td></tr>"
    )


def _bar(name: str, probability: float) -> str:
    return (
        f'<td data-name="{name}"><span class="bar-track"><i style="width:{100 * probability:.2f}%">'
        f'</i></span><span class="bar-value">{percent(probability)}</span></td>'
    )


def _change(kind: str, value: float | None, widest: float) -> str:
    """A bar from the middle: right for a rising logit."""
    if value is None:
        return _logit(kind, "", NO_VALUE)
    half = 50 * abs(value) / widest
    left = 50 - half if value < 0 else 50
    return _logit(kind, f'<i style="left:{left:.1f}%;width:{half:.1f}%"></i>', signed(value))


def _logit(kind: str, bar: str, number: str) -> str:
    return f'<span class="logit {kind}"><em>{kind}</em><b>{bar}</b><output>{number}</output></span>'


def signed(value: float) -> str:
    """A logit's change, always with its sign."""
    sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else ""
    return f"{sign}{significant(abs(value))}" if abs(value) >= SMALL else "0.00"


def outcome_sentence(outcome: Outcome, training: str) -> str:
    """Whether the answer holds, and how far a linear model is from what happened."""
    before = max(outcome["classes"], key=lambda row: row["probability_before"])
    after = max(outcome["classes"], key=lambda row: row["probability_after"])
    what = outcome["intervention"][:1].upper() + outcome["intervention"][1:]
    change = percent_points(before["probability_after"] - before["probability_before"])
    verdict = f"the model still says {before['label']} ({change})"
    if after is not before:
        verdict = (
            f"the answer turns from {before['label']} ({change}) to {after['label']} "
            f"({percent(after['probability_after'])})"
        )
    words = [f"{what}: {verdict}.", _linearity(before)]
    if training == "untrained":
        words.append("The weights are random: read the arithmetic, not the answer.")
    return " ".join(filter(None, words))


def _linearity(row: ClassRow) -> str:
    real, linear = row["logit_change"], row["linear_change"]
    if linear is None:
        return ""
    if max(abs(real), abs(linear)) < SMALL:
        return "Its logit hardly moves, as its slope expected."
    start = (
        f"Its logit changes by {signed(real)}; the slope at the unchanged model expected "
        f"{signed(linear)}"
    )
    if abs(real - linear) <= 0.15 * max(abs(real), abs(linear)):
        return f"{start}: here the model is close to linear."
    if real * linear < 0:
        return f"{start}, the other way: the layers in between bend too much to be read linearly."
    which = "more" if abs(linear) > abs(real) else "less"
    return f"{start}, {which} than happened: the layers in between bend."
