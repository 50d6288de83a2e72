"""The most probable classes as bars, of one model or of several side by side."""

from collections.abc import Sequence
from html import escape

from analysis.prediction import Prediction
from app.figures.badge import relation_badge, training_badge
from app.figures.number_format import NO_VALUE, percent, percent_points

SHOWN = 5


def no_answer_view() -> str:
    """The figure before the first answer: bars of the right size, without content."""
    bars = "".join(_bar("", 0.0, "") for _ in range(SHOWN))
    return f'<div class="answer answer-empty"><div class="answer-head"></div>{_list(bars)}</div>'


def answer_view(predictions: Sequence[Prediction]) -> str:
    """Bars of one prediction, or a table with differences from the first of several."""
    if len(predictions) == 1:
        return _single(predictions[0])
    return _side_by_side(predictions)


def _single(prediction: Prediction) -> str:
    first = prediction.predictions[0]
    bars = "".join(
        _bar(entry.label, entry.probability, "best" if rank == 0 else "")
        for rank, entry in enumerate(prediction.predictions[:SHOWN])
    )
    return (
        '<div class="answer"><div class="answer-head">'
        f'<span class="answer-label">{escape(first.label)}</span>'
        f'<span class="answer-share">{percent(first.probability)}</span>'
        f'<span class="answer-badges">{_badges(prediction)}</span></div>'
        f"{_list(bars)}</div>"
    )


def _list(bars: str) -> str:
    return f'<ol class="bars" aria-label="Most probable classes">{bars}</ol>'


def _bar(label: str, probability: float, kind: str) -> str:
    share = percent(probability) if label else ""
    return (
        f'<li class="bar {kind}"><span class="bar-label" title="{escape(label)}">{escape(label)}'
        f'</span><span class="bar-track"><i style="width:{100 * probability:.2f}%"></i></span>'
        f'<span class="bar-value">{share}</span></li>'
    )


def _badges(prediction: Prediction) -> str:
    marks = [training_badge(prediction.training)]
    if prediction.relation != prediction.training:
        marks.append(relation_badge(prediction.relation))
    return " ".join(marks)


def _side_by_side(predictions: Sequence[Prediction]) -> str:
    columns = [{p.label: p.probability for p in one.predictions} for one in predictions]
    heads = "".join(
        f'<th scope="col"><span class="model-name">{escape(one.model)}</span>{_badges(one)}</th>'
        for one in predictions
    )
    rows = "".join(_row(label, columns) for label in _leading_labels(predictions))
    return (
        '<div class="answer answer-table"><table><thead><tr><th scope="col">Class</th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _leading_labels(predictions: Sequence[Prediction]) -> list[str]:
    """Each model's leading classes, those of the first model first, without repetition."""
    each = SHOWN if len(predictions) == 1 else 4
    return list(
        dict.fromkeys(entry.label for one in predictions for entry in one.predictions[:each])
    )


def _row(label: str, columns: Sequence[dict[str, float]]) -> str:
    first = columns[0].get(label)
    cells = "".join(
        _cell(column.get(label), None if index == 0 else first)
        for index, column in enumerate(columns)
    )
    return f'<tr><th scope="row" title="{escape(label)}">{escape(label)}</th>{cells}</tr>'


def _cell(probability: float | None, reference: float | None) -> str:
    if probability is None:
        return f'<td class="absent" title="Not among the classes of this model">{NO_VALUE}</td>'
    difference = ""
    if reference is not None:
        change = probability - reference
        tone = "up" if change > 0 else "down"
        difference = f'<small class="{tone}">{percent_points(change)}</small>'
    return (
        f'<td><span class="bar-track"><i style="width:{100 * probability:.2f}%"></i></span>'
        f'<span class="bar-value">{percent(probability)}</span>{difference}</td>'
    )
