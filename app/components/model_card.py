"""Which model speaks, what it was trained on, and how much that is worth."""

from html import escape

from analysis.weights import WeightsCard
from app.figures.badge import training_badge
from app.figures.number_format import THIN_SPACE, significant

_MEANING = {
    "trained": "Weights released by the authors of the model.",
    "toy": "Trained here on made material: a teaching model, not a product.",
    "zero-shot": "A trained CLIP that learned none of these classes; the scans are untrained.",
    "untrained": "Random weights: its answers mean nothing, only cost and geometry do.",
}


def model_card(card: WeightsCard) -> str:
    """The few lines under the weights menu."""
    facts = [training_badge(card.training, _MEANING[card.training])]
    if card.data:
        facts.append(f"<span>on {escape(card.data)}</span>")
    lines = [f'<p class="card-line">{" ".join(facts)}</p>']
    if card.reported_accuracy is not None:
        measured, *_ = card.accuracy_note.split(";")
        lines.append(
            f'<p class="card-line" title="{escape(card.accuracy_note)}">'
            f"<b>{significant(card.reported_accuracy)}{THIN_SPACE}%</b> "
            f"{escape(measured or 'top-1')}</p>"
        )
    if card.note:
        lines.append(f'<p class="card-line">{escape(card.note)}</p>')
    if card.hub_repo is not None:
        lines.append(
            f'<p class="card-line">Downloads {escape(card.file or "")} from '
            f"{escape(card.hub_repo)} on first use.</p>"
        )
    return "".join(lines)
