"""How long a forward pass will take, said before it is run."""

from dataclasses import replace
from functools import lru_cache
from threading import Lock

from analysis.models import model_config
from analysis.weights import weights_card
from app.selection import Selection

_FIRST_GUESS_PER_MS = 12e6
"""Multiply-adds in a millisecond of two laptop cores, before anything was measured here."""


@lru_cache(maxsize=256)
def work_of(selection: Selection) -> float:
    """Multiply-adds of the linear layers of one forward pass.

    A layer of inner width E = expand D projects D to 2 E, E to D, and E to and from the
    recurrence's parameters; twice the latter for the two directions.
    """
    card = weights_card(selection.model)
    config = model_config(card.architecture, **card.overrides)
    inner = config.expand * config.width
    small = (inner * (config.width // 16 + 2 * config.state_size) + inner * config.width // 16) * 2
    per_token = config.depth * (3 * config.width * inner + small)
    side = selection.image_size // config.patch_size
    tokens = max(1, (selection.num_frames or 1) // config.tubelet) * side * side
    return float(per_token * tokens)


class RunTimes:
    """Measured forward passes, and from them an estimate for what was not run yet."""

    def __init__(self):
        self._measured: dict[Selection, float] = {}
        self._per_ms = _FIRST_GUESS_PER_MS
        self._lock = Lock()

    def record(self, selection: Selection, latency_ms: float) -> None:
        """Note a measured pass; of several, the quickest tells what the machine can do."""
        setting = _setting(selection)
        with self._lock:
            quickest = min(latency_ms, self._measured.get(setting, latency_ms))
            self._measured[setting] = quickest
            work = work_of(setting)
            if work > 1e9 and quickest > 0:
                self._per_ms = work / quickest

    def estimate_ms(self, selection: Selection) -> float:
        with self._lock:
            known = self._measured.get(_setting(selection))
            return known if known is not None else work_of(_setting(selection)) / self._per_ms


def _setting(selection: Selection) -> Selection:
    """The part of a selection that decides how long it runs."""
    return replace(selection, clip="")
