"""Sentences by how well they go with a clip, both scores side by side."""

from html import escape

from app.components.sorted_table import Column, Row, sorted_table
from app.figures.alignment import cosine
from app.figures.match_bars import Report, signed


def caption_table(report: Report | None) -> str:
    """A row per sentence, the most similar first."""
    if report is None:
        return '<p class="table-empty">Sentences beside the sidebar\'s clip, once compared.</p>'
    lowest = min(row["similarity"] for row in report["captions"])
    highest = max(row["similarity"] for row in report["captions"])
    rows = [
        {**row, "width": (row["similarity"] - lowest) / ((highest - lowest) or 1.0)}
        for row in report["captions"]
    ]
    return sorted_table(
        "Sentences compared with the clip",
        _COLUMNS,
        rows,
        attributes=lambda row: 'class="best"' if row["rank"] == 1 else "",
    )


def _sentence(row: Row) -> str:
    unknown = ", ".join(row["unknown"])
    note = f"<small>not known: {escape(unknown)}</small>" if unknown else ""
    return f'<span class="row-name">{escape(row["text"])}{note}</span>'


def _similarity(row: Row) -> str:
    bar = f'<span class="bar-small"><i style="width:{100 * row["width"]:.1f}%"></i></span>'
    number = f'<span class="bar-share">{cosine(row["similarity"])}</span>'
    return f'<span class="one-line">{bar}{number}</span>'


def _match(row: Row) -> str:
    return f"{signed(row['match_logit'], 2)}<small>number {row['match_rank']}</small>"


_COLUMNS = (
    Column(
        "Sentence", "As the model reads it; sorted by similarity", lambda r: r["rank"], _sentence
    ),
    Column(
        "Similarity",
        "Mean over time steps of the cosine with the sentence, -1 to 1; bars from the lowest",
        lambda row: row["similarity"],
        _similarity,
    ),
    Column(
        "Match score",
        "Logit of the layers that read clip and sentence together, any number; and its rank",
        lambda row: row["match_logit"],
        _match,
    ),
)
