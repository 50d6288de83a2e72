"""How long a forward pass will take, said before it is run."""

from dataclasses import replace
from functools import lru_cache
from threading import Lock
from typing import Any

from analysis.models import model_config
from analysis.models.frozen_clip_config import FrozenClipConfig
from analysis.models.moma_config import MomaConfig
from analysis.models.vmamba import VMambaConfig
from analysis.weights import weights_card
from app.selection import Selection

_FIRST_GUESS_PER_MS = 12e6
"""Multiply-adds in a millisecond of two laptop cores, before anything was measured here."""


@lru_cache(maxsize=256)
def work_of(selection: Selection) -> float:
    """About the multiply-adds of the linear layers of one forward pass.

    A layer of inner width E = expand D projects D to 2 E, E to D, and E to and from the
    recurrence's parameters; twice the latter for the two directions. A layer of a CLIP multiplies
    12 D^2 weights, MoMa's scans add 3 D E. VMamba's blocks have 8 D^2 of a perceptron and 2 D E,
    every stage on a quarter of the tokens.
    """
    card = weights_card(selection.model)
    config = model_config(card.architecture, **card.overrides)
    side = selection.image_size // config.patch_size
    tokens = max(1, (selection.num_frames or 1) // getattr(config, "tubelet", 1)) * side * side
    return float(_per_token(config) * tokens)


def _per_token(config: Any) -> float:
    """Of a token of the first grid."""
    if isinstance(config, FrozenClipConfig):
        modulation = 3 * config.depth * config.inner if isinstance(config, MomaConfig) else 0
        return config.width * (12 * config.layers * config.width + modulation)
    if isinstance(config, VMambaConfig):
        stages = enumerate(zip(config.widths, config.depths, strict=True))
        block = 2 * (config.mlp_ratio + config.expand)
        return sum(depth * block * width**2 / 4**stage for stage, (width, depth) in stages)
    inner = config.expand * config.width
    small = (inner * (config.width // 16 + 2 * config.state_size) + inner * config.width // 16) * 2
    return config.depth * (3 * config.width * inner + small)


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
