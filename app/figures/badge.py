"""Small labels that say how far a result may be trusted."""

from html import escape

_TRAINING = {
    "trained": ("good", "trained"),
    "toy": ("warn", "toy-trained"),
    "zero-shot": ("warn", "zero-shot"),
    "untrained": ("bad", "untrained"),
}
_RELATION = {
    "trained order": ("good", "trained order"),
    "reordered": ("warn", "reordered"),
    "untrained": ("bad", "untrained"),
}


def badge(text: str, tone: str, title: str = "") -> str:
    """A badge in one of the tones good, warn, bad or plain."""
    hint = f' title="{escape(title)}"' if title else ""
    return f'<span class="badge badge-{tone}"{hint}>{escape(text)}</span>'


def training_badge(training: str, title: str = "") -> str:
    """`training` is as in `WeightsCard`."""
    tone, text = _TRAINING[training]
    return badge(text, tone, title)


def relation_badge(relation: str, title: str = "") -> str:
    """`relation` is "trained order", "reordered" or "untrained"."""
    tone, text = _RELATION[relation]
    return badge(text, tone, title)
