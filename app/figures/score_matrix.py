"""Texts against videos as a coloured table, right answers outlined, and what it comes to."""

from collections.abc import Iterator, Sequence
from html import escape

from analysis.retrieval.metrics import RECALL_AT
from analysis.retrieval.published_results import published_rows
from app.figures.alignment import cosine
from app.figures.heat import scale_colors
from app.figures.match_bars import Report, signed
from app.figures.number_format import NO_VALUE, THIN_SPACE, compact
from app.theme import SEQUENTIAL

SHOWN = 40
"""Texts and videos that are drawn; files have all."""
_NUMBERS_UP_TO = 14
SCORES = {"similarities": "Similarity", "match_logits": "Match score"}
_DIRECTIONS = {"text_to_video": "Text to video", "video_to_text": "Video to text"}
_WAYS = {"re_ranked": "re-ranked", "embedding": "by similarity"}


def no_score_matrix() -> str:
    """Before a list is scored."""
    return '<p class="match-empty">Press Score the list: every text against every video.</p>'


def score_matrix(report: Report, kind: str) -> str:
    """One of `SCORES`, texts in rows; the best video of a text is marked, the right ones ringed."""
    rows = [row[:SHOWN] for row in report[kind][:SHOWN]]
    videos = report["video_names"][:SHOWN]
    known = [one for row in rows for one in row if one is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    numbers = len(videos) <= _NUMBERS_UP_TO
    heads = "".join(
        f'<th scope="col" title="{escape(name)}"><span>{escape(_short(name))}</span></th>'
        for name in videos
    )
    body = "".join(
        _row(report, kind, text, row, (low, high), numbers) for text, row in enumerate(rows)
    )
    return (
        f'<div class="score-matrix"><div class="score-scroll"><table class="scores-{kind}">'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        f"{_legend(report, kind, low, high)}</div>"
    )


def _row(
    report: Report,
    kind: str,
    text: int,
    row: Sequence[float | None],
    ends: tuple[float, float],
    numbers: bool,
) -> str:
    words, right = report["captions"][text], set(report["belonging"][text])
    known = [one for one in row if one is not None]
    cells = []
    for video, value in enumerate(row):
        marks = [
            *(["right"] if video in right else []),
            *(["best"] if known and value == max(known) else []),
        ]
        name = report["video_names"][video]
        hint = f"{words}\n{name}: {_number(kind, value)}"
        background, ink = _colors(value, *ends)
        shown = _number(kind, value, short=True) if numbers else ""
        cells.append(
            f'<td class="{" ".join(marks)}" title="{escape(hint)}" '
            f'style="background:{background};color:{ink}">{shown}</td>'
        )
    return f'<tr><th scope="row" title="{escape(words)}">{escape(words)}</th>{"".join(cells)}</tr>'


def _colors(value: float | None, low: float, high: float) -> tuple[str, str]:
    """Background and ink; what was not looked at stays without colour."""
    if value is None:
        return "var(--surface-sunken)", "var(--ink-soft)"
    colors = scale_colors(SEQUENTIAL)
    at = (value - low) / ((high - low) or 1.0)
    red, green, blue = colors[round(at * (len(colors) - 1))]
    light = 0.299 * red + 0.587 * green + 0.114 * blue > 140
    return f"rgb({red} {green} {blue})", "#111" if light else "#fff"


def _number(kind: str, value: float | None, short: bool = False) -> str:
    if value is None:
        return NO_VALUE
    if kind == "similarities":
        return cosine(value)[: -1 if short else None]
    if not short:
        return signed(value, 2)
    rounded = round(value, 1)
    return f"{rounded:+.1f}".replace("-", "\N{MINUS SIGN}") if rounded else "0.0"


def _short(name: str) -> str:
    stem = name.rsplit(".", 1)[0]
    return stem if len(stem) <= 18 else f"{stem[:17]}\N{HORIZONTAL ELLIPSIS}"


def _legend(report: Report, kind: str, low: float, high: float) -> str:
    drawn = ""
    if max(report["texts"], report["videos"]) > SHOWN:
        drawn = (
            f"The first {SHOWN} of {report['texts']} texts and {report['videos']} videos are "
            "drawn; the files have all. "
        )
    ends = f"{_number(kind, low)} to {_number(kind, high)}"
    return (
        f'<p class="caption">{SCORES[kind]}, {ends}. {drawn}Ringed: the video the text belongs to. '
        "Dot: the text's highest score.</p>"
    )


def recall_table(report: Report) -> str:
    """R@1, 5 and 10 and the median rank both ways, chance beside, and the authors' below."""
    rows = "".join(_recall_rows(report))
    heads = "".join(f'<th scope="col">R@{k}</th>' for k in RECALL_AT)
    return (
        '<div class="recall"><table><thead><tr><th scope="col">Found</th>'
        f'{heads}<th scope="col">Median rank</th></tr></thead><tbody>{rows}</tbody></table>'
        f"{_published()}</div>"
    )


def _recall_rows(report: Report) -> Iterator[str]:
    for direction, title in _DIRECTIONS.items():
        for way, words in _WAYS.items():
            found = report[way][direction]
            yield _recall_row(
                f"{title}<small>{words}</small>", found["recall_percent"], found["median_rank"], way
            )
        chance = report["embedding"][direction]
        among = f"chance among {chance['gallery']}"
        yield _recall_row(f"<small>{among}</small>", chance["chance_percent"], None, "chance")


def _recall_row(head: str, percents: dict[str, float], median: float | None, kind: str) -> str:
    cells = "".join(f"<td>{percents[str(k)]:.1f}{THIN_SPACE}%</td>" for k in RECALL_AT)
    rank = NO_VALUE if median is None else compact(median)
    return f'<tr class="{kind}"><th scope="row">{head}</th>{cells}<td>{rank}</td></tr>'


def _published() -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(row["data_set"])}<small>{row["pairs"]} pairs</small></th>'
        + "".join(f"<td>{row['recall_percent'][k]:.1f}{THIN_SPACE}%</td>" for k in RECALL_AT)
        + "</tr>"
        for row in published_rows()
    )
    heads = "".join(f'<th scope="col">R@{k}</th>' for k in RECALL_AT)
    return (
        "<details><summary>What the authors report, on other data with another model</summary>"
        '<p class="caption">Published, not measured here: text to video without training on the '
        "data set, by the model of 190 million parameters after 5M, 17M and 25M pairs (the "
        "authors' model zoo; Table 8 of arXiv 2403.06977 differs slightly for MSR-VTT after 5M and "
        "MSVD after 25M).</p>"
        f'<table><thead><tr><th scope="col">Data set</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></details>"
    )
