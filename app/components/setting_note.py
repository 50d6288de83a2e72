"""How the chosen setting relates to the one the weights were trained in, and what it costs."""

from html import escape

from analysis.weights import weights_card
from app.figures.number_format import duration
from app.selection import Selection
from app.session import Session
from app.theme import SCAN_ORDER_NAMES


def setting_note(selection: Selection, session: Session) -> str:
    """Two short sentences under the setting; a warning where an answer takes long."""
    changes = _changes(selection)
    cost = f"About {duration(session.estimate_ms(selection))} an answer on this machine"
    slow = not session.quick(selection)
    sentence = f"{cost}: runs when you press the button." if slow else f"{cost}."
    untrained = weights_card(selection.model).training == "untrained"
    relation = f"Not as trained: {', '.join(changes)}." if changes else "As trained."
    relation = "" if untrained else relation
    tone = "note-slow" if slow else "note-changed" if changes else ""
    return f'<p class="setting-note {tone}">{escape(relation)} {escape(sentence)}</p>'


def _changes(selection: Selection) -> list[str]:
    card = weights_card(selection.model)
    if card.training == "untrained":
        return []
    trained_frames = card.num_frames or 1
    changes = []
    if selection.num_frames != trained_frames:
        changes.append(f"{selection.num_frames} frames instead of {trained_frames}")
    if selection.image_size != card.image_size:
        changes.append(f"{selection.image_size} px instead of {card.image_size}")
    if card.scan_order is not None and selection.scan_order != card.scan_order:
        changes.append(f"reordered from {SCAN_ORDER_NAMES[card.scan_order].lower()}")
    return changes
