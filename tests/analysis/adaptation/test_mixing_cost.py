"""Costs by formula against what PyTorch's counter finds in a pass."""

from dataclasses import replace

import pytest

from analysis.adaptation.mixing_cost import mixing_cost
from analysis.models import model_config
from analysis.profiling.flops import model_arithmetic

ATTENTION = {"qkv", "attention_scores", "attention_values", "out_proj"}


def counted(parts: set[str] | None = None, **fields) -> int:
    found = model_arithmetic("moma_debug", num_frames=3, image_size=40, **fields)
    return sum(p.multiply_adds for p in found.parts if parts is None or p.part in parts)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"fusion": "concat", "scans": ("temporal_first",)},
        {"fusion": "add", "gate": True, "bidirectional": False},
    ],
    ids=["published", "concat", "add with a gate"],
)
def test_costs_are_what_the_counter_finds(fields):
    config = model_config("moma_debug", image_size=40, **fields)
    cost = mixing_cost(config, 3)
    bare = {"fusion": "skip"}
    assert cost.divide == counted(ATTENTION, **bare)
    assert cost.per_frame == counted(ATTENTION, window=None, **bare)
    assert cost.full == counted(ATTENTION, window=(3, 5, 5), **bare)
    assert cost.modulate == counted(**fields) - counted(**bare)


def test_scans_and_windows_grow_as_frames_and_attention_faster():
    config = model_config("moma_debug")
    four, eight = mixing_cost(config, 4), mixing_cost(config, 8)
    assert eight.modulate == 2 * four.modulate and eight.divide == 2 * four.divide
    assert eight.full > 2 * four.full
    assert mixing_cost(replace(config, fusion="skip"), 4).modulate == 0
