"""How near a student comes to its teacher: a table beside chance, and words."""

from html import escape
from typing import Any

from app.alignment_runs import Report
from app.figures.badge import training_badge
from app.figures.number_format import NO_VALUE, share, whole
from app.theme import STRATEGY_NAMES

_ROWS = (
    ("mean", "The student", "visible tokens and CLS"),
    ("cls", "CLS alone", "against the mean of the teacher's over frames"),
    ("chance", "Any other token", "what the student says here with the teacher's there"),
    ("untrained", "Before training", "the same model, random weights"),
)


def alignment_table(report: Report | None) -> str:
    """Mean cosines of every aligned layer as bars; rows without numbers before there are any."""
    layers = [None] if report is None else report["layers"]
    heads = [_head(layer, len(layers)) for layer in layers]
    body = "".join(
        f'<tr><th scope="row">{name}<small>{meaning}</small></th>'
        + "".join(_cell(layer, key) for layer in layers)
        + "</tr>"
        for key, name, meaning in _ROWS
    )
    return (
        '<div class="alignment"><table><thead><tr><th scope="col">Cosine with the teacher</th>'
        f"{''.join(heads)}</tr></thead><tbody>{body}</tbody></table>{_origins(report)}</div>"
    )


def _head(layer: dict[str, Any] | None, layers: int) -> str:
    if layer is None or layers == 1:
        return '<th scope="col">Mean</th>'
    return f'<th scope="col">Layer {layer["layer"] + 1}</th>'


def _cell(layer: dict[str, Any] | None, key: str) -> str:
    value = None if layer is None else layer[key]
    width = 0 if value is None else 100 * min(1.0, abs(value))
    tone = ' class="less"' if value is not None and value < 0 else ""
    text = NO_VALUE if value is None else cosine(value)
    return (
        f'<td class="{key}"><span class="bar-track"><i{tone} style="width:{width:.2f}%"></i></span>'
        f'<span class="bar-value">{text}</span></td>'
    )


def _origins(report: Report | None) -> str:
    """Who was trained how, and on what."""
    if report is None:
        return ""
    student, teacher = escape(report["student"]), escape(report["teacher"])
    data = escape(report["data"])
    return (
        f"<p>{training_badge(report['training'])} <b>{student}</b> learned from {data}, without "
        f"labels. Its teacher: <b>{teacher}</b>. {escape(report['teacher_note'])}</p>"
    )


def cosine(value: float) -> str:
    """With three digits behind the point, which is what tells two students apart."""
    sign = "\N{MINUS SIGN}" if round(value, 3) < 0 else ""
    return f"{sign}{abs(value):.3f}"


def alignment_sentence(report: Report) -> str:
    """What the student says of what it sees, beside chance, with the nearest and furthest time."""
    layer, total = report["layers"][-1], report["grid"]
    patches = total[0] * total[1] * total[2]
    strategy = STRATEGY_NAMES[report["strategy"]].lower()
    words = [
        f"Under the {strategy} mask the student sees {whole(report['visible'])} of "
        f"{whole(patches)} patches ({share(round(report['real_ratio'], 3))} hidden) and says of "
        f"each what its teacher, who sees all, made of it: the mean cosine is "
        f"{cosine(layer['mean'])}."
    ]
    if layer["chance"] is not None:
        words.append(
            "With what the teacher saw at other patches it would be "
            f"{cosine(layer['chance'])}, before training it was "
            f"{cosine(layer['untrained'])}."
        )
    return " ".join([*words, _ends(layer["by_frame"], report["tubelet"])]).strip()


def _ends(by_frame: list[float | None], tubelet: int) -> str:
    known = [(mean, step) for step, mean in enumerate(by_frame) if mean is not None]
    if len(known) < 2:
        return ""
    (least, worst), (most, best) = min(known), max(known)
    return (
        f"It comes closest in {time_step_words(best, tubelet)} ({cosine(most)}) and least in "
        f"{time_step_words(worst, tubelet)} ({cosine(least)})."
    )


def time_step_words(step: int, tubelet: int) -> str:
    """The frames of a time step, counted from 1."""
    first = step * tubelet + 1
    if tubelet == 1:
        return f"frame {first}"
    return f"frames {first}\N{EN DASH}{first + tubelet - 1}"


def reading_note(report: Report, num_frames: int, image_size: int) -> str:
    """That the student reads the clip otherwise than the sidebar says; "" when it does not."""
    own = report["num_frames"], report["image_size"]
    if own == (num_frames, image_size):
        return ""
    return (
        f"The student was trained on {own[0]} frames of {own[1]} pixels and reads the clip so, not "
        f"in the sidebar's {num_frames} of {image_size}: its mask is drawn anew on its own tokens."
    )
