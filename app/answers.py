"""One answer of one model about one clip: recalled when it was given before, else computed."""

from dataclasses import asdict, dataclass, replace

from analysis.prediction import LabelProbability, Prediction, predict_clip
from analysis.weights import weights_card
from app.errors import READABLE_ERRORS
from app.selection import Selection, trained_order
from app.session import Session


@dataclass(frozen=True)
class Answer:
    """What a model said, and whether it was recalled from an earlier run."""

    prediction: Prediction
    recalled: bool


def answer(session: Session, selection: Selection, progress=None) -> Answer:
    """The model's answer with the probabilities of all its classes.

    Raises VideoError and WeightsError, each one sentence.
    """
    return recalled_answer(session, selection) or fresh_answer(session, selection, progress)


def fresh_answer(session: Session, selection: Selection, progress=None) -> Answer:
    """The model's answer, computed now whatever is remembered, and remembered."""
    with session.loaded(selection, progress) as loaded:
        sampled = session.sampled(selection, loaded)
        prediction = predict_clip(loaded, sampled, top=len(loaded.labels))
    session.run_times.record(selection, prediction.latency_ms)
    session.remember(session.key("answer", selection), asdict(prediction))
    return Answer(prediction, recalled=False)


def recalled_answer(session: Session, selection: Selection) -> Answer | None:
    """The answer if it was given before and clip and weights are still there, else None."""
    try:
        payload = session.recall(session.key("answer", selection))
    except READABLE_ERRORS:
        return None
    if payload is None:
        return None
    return Answer(prediction_from(payload), recalled=True)


def prediction_from(payload: dict) -> Prediction:
    """The Prediction that `dataclasses.asdict` took apart, back from JSON."""
    return Prediction(
        **{
            **payload,
            "predictions": tuple(LabelProbability(**entry) for entry in payload["predictions"]),
            "frame_indices": tuple(payload["frame_indices"]),
            "frame_times_s": tuple(payload["frame_times_s"]),
        }
    )


def in_own_setting(selection: Selection, model: str) -> Selection:
    """The same clip read by other weights, in the setting those were trained in."""
    card = weights_card(model)
    return replace(
        selection,
        model=model,
        num_frames=card.num_frames or 1,
        image_size=card.image_size,
        scan_order=trained_order(card),
    )
