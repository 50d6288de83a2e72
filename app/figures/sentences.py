"""What to look at under each figure, in a sentence filled with this clip's numbers."""

from collections.abc import Sequence
from itertools import groupby

from analysis.prediction import Prediction, WindowPrediction
from app.figures.number_format import clock, percent, percent_points
from app.theme import SCAN_ORDER_NAMES


def answer_sentence(prediction: Prediction) -> str:
    """How sure the model is, from which frames, and how far that may be trusted."""
    return f"{_certainty(prediction)} {_span(prediction)} {_trust(prediction)}".strip()


def _certainty(prediction: Prediction) -> str:
    first, *others = prediction.predictions
    if prediction.training == "untrained":
        return f"Random weights happen to favour {first.label} with {percent(first.probability)}."
    if not others:
        return f"The model says {first.label}."
    second = others[0]
    if first.probability > 0.8:
        verdict = "sure of itself"
    elif first.probability > 2 * second.probability:
        verdict = "leaning one way"
    else:
        verdict = "undecided"
    return (
        f"The model is {verdict}: {first.label} gets {percent(first.probability)}, "
        f"the runner-up {second.label} {percent(second.probability)}."
    )


def _span(prediction: Prediction) -> str:
    times = prediction.frame_times_s
    if len(times) == 1:
        return f"It saw one frame, at {clock(times[0])} s."
    return (
        f"It saw {len(times)} frames between {clock(times[0])} and "
        f"{clock(times[-1])} s; nothing in between counts."
    )


def _trust(prediction: Prediction) -> str:
    if prediction.relation == "untrained":
        return "Nothing was learned, so read the cost, not the answer."
    if prediction.relation == "reordered":
        return (
            f"It was trained in another order than {SCAN_ORDER_NAMES[prediction.scan_order]}: "
            "this shows how well it bears reordering, not how good the order is."
        )
    return ""


def comparison_sentence(predictions: Sequence[Prediction]) -> str:
    """Where several models agree, and how far apart they are on the first one's answer."""
    reference = predictions[0].predictions[0]
    agreeing = [one for one in predictions[1:] if one.predictions[0].label == reference.label]
    start = (
        f"{len(agreeing)} of {len(predictions) - 1} other models also say {reference.label}."
        if agreeing
        else f"No other model says {reference.label}."
    )
    shares = [
        (one.model, entry.probability - reference.probability)
        for one in predictions[1:]
        for entry in one.predictions
        if entry.label == reference.label
    ]
    if not shares:
        return f"{start} Their classes differ, so probabilities cannot be set against each other."
    model, change = max(shares, key=lambda pair: abs(pair[1]))
    return f"{start} The largest difference on it is {percent_points(change)}, by {model}."


def timeline_sentence(windows: Sequence[WindowPrediction]) -> str:
    """Which answer holds longest, and how often the answer changes."""
    labels = [window.prediction.predictions[0].label for window in windows]
    longest = max(set(labels), key=labels.count)
    changes = sum(1 for _ in groupby(labels)) - 1
    share = percent(labels.count(longest) / len(labels))
    if not changes:
        return f"Every one of the {len(labels)} windows says {longest}."
    times = "once" if changes == 1 else f"{changes} times"
    return (
        f"{longest} leads in {share} of {len(labels)} windows; the answer changes {times}. "
        "Filled steps mark the leading class; the line is the time cursor of the filmstrip."
    )
