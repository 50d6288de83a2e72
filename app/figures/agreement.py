"""How alike maps rank the patches, as a small matrix of rank correlations."""

from collections.abc import Sequence
from html import escape

from app.figures.number_format import with_minus

_ALIKE, _OPPOSED = "var(--evidence-for)", "var(--evidence-against)"


def no_agreement(sentence: str) -> str:
    return f'<p class="figure-empty">{escape(sentence)}</p>'


def agreement_table(titles: Sequence[str], spearman: Sequence[Sequence[float]]) -> str:
    """Rows and columns in the same order; red cells rank alike, blue ones against each other."""
    heads = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    rows = "".join(
        f'<tr><th scope="row">{escape(title)}</th>{"".join(map(_cell, row))}</tr>'
        for title, row in zip(titles, spearman, strict=True)
    )
    return (
        '<div class="agreement-scroll"><table class="agreement-table"><thead><tr><td></td>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(value: float) -> str:
    tone = _ALIKE if value > 0 else _OPPOSED
    return (
        f'<td style="--tone: {tone}; --amount: {60 * abs(value):.0f}%">{with_minus(value, 2)}</td>'
    )
