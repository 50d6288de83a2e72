"""Weights of one architecture that were trained alike, once in each scan order."""

from analysis.weights.card import WeightsCard
from analysis.weights.shipped import shipped_cards

_TAG = "order_"


def trained_beside(card: WeightsCard, scan_order: str) -> WeightsCard | None:
    """`trained_in_order` for weights to be compared with, which are not `card` themselves."""
    beside = trained_in_order(card.architecture, scan_order)
    return None if beside is None or beside.name == card.name else beside


def trained_in_order(architecture: str, scan_order: str) -> WeightsCard | None:
    """The shipped weights of the scan-order study for one order; None where there are none."""
    for card in shipped_cards():
        if (card.architecture, card.tag) == (architecture, _TAG + scan_order):
            return card
    return None
