"""Answers with and without adaptors, and what adaptors cost, as tables."""

from collections.abc import Sequence
from html import escape

from app.adaptor_costs import AdaptorCost
from app.adaptor_runs import Report
from app.figures.badge import badge, training_badge
from app.figures.number_format import in_thousands, percent, whole


def answers_view(look: Report | None) -> str:
    """What the host says without and with its adaptors; rows of the right size before that."""
    rows = [("The host alone", "host"), ("With adaptors", "adapted")]
    body = "".join(_answer(name, look and look["answers"][key]) for name, key in rows)
    return (
        '<div class="outcome adapter-answers"><table><thead><tr><th scope="col">Model</th>'
        '<th scope="col">Says</th><th scope="col">With</th></tr></thead><tbody>'
        f"{body}</tbody></table></div>"
    )


def standing_view(look: Report) -> str:
    """Badges: how far host and adaptors were trained, and what of them is our reading."""
    design = "Where the paper is silent; places, gate and dilations among it. No code is public."
    host = training_badge("toy", "Trained here on made material.")
    adaptors = training_badge(look["training"])
    reading = badge("our reading", "plain", design)
    return f'<p class="proof-line">host {host} adaptors {adaptors} {reading}</p>'


def costs_view(costs: Sequence[AdaptorCost]) -> str:
    """A row per model: parameters and multiply-adds of the host, and what the adaptors add."""
    body = "".join(_cost(cost) for cost in costs)
    columns = "".join(
        f'<th scope="col">{name}</th>'
        for name in (
            *("Model", "Host parameters", "Adaptor-T", "Adaptor-S"),
            *("Host multiply-adds", "Adaptor-T", "Adaptor-S"),
        )
    )
    return (
        f'<div class="outcome adapter-answers adaptor-costs"><table><thead><tr>{columns}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )


def _answer(name: str, answer: Report | None) -> str:
    label, chance = ("", "") if answer is None else (answer["label"], answer["probability"])
    return (
        f'<tr><th scope="row">{name}</th><td data-name="Says">{escape(label)}</td>'
        f'<td data-name="With">{percent(chance) if answer else ""}</td></tr>'
    )


def _cost(cost: AdaptorCost) -> str:
    cells = (
        ("Host parameters", whole(cost.host_parameters)),
        ("Adaptor-T", _added(cost.memory_parameters, cost.host_parameters, whole)),
        ("Adaptor-S", _added(cost.convolution_parameters, cost.host_parameters, whole)),
        ("Host multiply-adds", in_thousands(cost.host_multiply_adds)),
        ("Adaptor-T", _added(cost.memory_multiply_adds, cost.host_multiply_adds, in_thousands)),
        (
            "Adaptor-S",
            _added(cost.convolution_multiply_adds, cost.host_multiply_adds, in_thousands),
        ),
    )
    row = "".join(f'<td data-name="{name}">{words}</td>' for name, words in cells)
    return f'<tr><th scope="row">{escape(cost.model)}</th>{row}</tr>'


def _added(count: int, of: int, written) -> str:
    return f"{written(count)} <small>+{percent(count / of)}</small>"
