"""Effects of a strategy's draws as means with intervals."""

from dataclasses import dataclass

from analysis.masking.effects import MaskEffect
from analysis.masking.interval import Interval, mean_interval, share_interval


@dataclass(frozen=True)
class EffectSummary:
    """A `MaskEffect` over its draws: the same figures, each with a 95 % interval.

    `same_answer` is the share of draws that leave the most probable class as it was.
    """

    strategy: str
    ratio: float
    real_ratio: float
    visible: int
    probability: Interval
    same_answer: Interval
    token_similarity: Interval
    readout_similarity: Interval


def summarised(effect: MaskEffect) -> EffectSummary:
    """Means over the draws of one strategy at one ratio."""
    return EffectSummary(
        effect.strategy,
        effect.ratio,
        effect.real_ratio,
        effect.visible,
        mean_interval(effect.probability, (0.0, 1.0)),
        share_interval(effect.same_answer),
        mean_interval(effect.token_similarity, (-1.0, 1.0)),
        mean_interval(effect.readout_similarity, (-1.0, 1.0)),
    )
