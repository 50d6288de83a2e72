"""The answer of a model that was trained in an order, to stand beside weights reordered to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from analysis.prediction import LabelProbability, SampledClip, rank_labels
from analysis.weights import LoadedModel, load_model
from analysis.weights.trained_orders import trained_beside


@dataclass(frozen=True)
class TrainedAnswer:
    """What a model says in the order it was trained in.

    predictions: every class of its own, most probable first; probabilities from 0 to 1.
    accuracy: percent on clips never trained on, as its manifest reports; None where it does not.
    """

    model: str
    scan_order: str
    predictions: tuple[LabelProbability, ...]
    accuracy: float | None


@torch.inference_mode()
def trained_answer(loaded: LoadedModel, sampled: SampledClip) -> TrainedAnswer:
    """Run a model once in its trained order; it is left in the order it had before."""
    model, card = loaded.model, loaded.card
    own = model.scan_order
    try:
        model.set_scan_order(card.scan_order)
        logits = model(sampled.clip[None].to(next(model.parameters()).device))
    finally:
        model.set_scan_order(own)
    probabilities = logits[0].float().softmax(-1).cpu()
    return TrainedAnswer(
        model=card.name,
        scan_order=card.scan_order,
        predictions=rank_labels(probabilities, loaded.labels),
        accuracy=card.reported_accuracy,
    )


def trained_answers(
    loaded: LoadedModel, sampled: SampledClip, scan_orders: Sequence[str]
) -> Iterator[TrainedAnswer]:
    """Answers of the shipped models trained in `scan_orders`, of the size and setting of `loaded`.

    Orders without such a model, and the one that `loaded` is, are left out.
    """
    config = loaded.config
    for order in scan_orders:
        card = trained_beside(loaded.card, order)
        if card is not None:
            own = load_model(card.name, num_frames=config.num_frames, image_size=config.image_size)
            yield trained_answer(own, sampled)
