"""Effects over draws as means with intervals."""

from analysis.masking.effect_summary import EffectSummary, summarised
from analysis.masking.effects import MaskEffect
from analysis.masking.interval import mean_interval, share_interval


def test_figures_become_intervals_within_what_they_can_be():
    probability, flags = (0.02, 0.9, 0.01, 0.03), (False, True, False, False)
    tokens, readout = (0.5, 0.6, 0.7, 0.4), (0.99, 0.1, 0.98, 0.97)
    effect = MaskEffect("tube", 0.8, 0.797, 52, probability, flags, tokens, readout)
    found = summarised(effect)
    assert found == EffectSummary(
        "tube",
        0.8,
        0.797,
        52,
        mean_interval(probability, (0, 1)),
        share_interval(flags),
        mean_interval(tokens),
        mean_interval(readout, (-1, 1)),
    )
    assert found.probability.low == 0 < mean_interval(probability, (0, 1)).high
    assert found.readout_similarity.high == 1
    assert (found.same_answer.mean, found.same_answer.draws) == (0.25, 4)
