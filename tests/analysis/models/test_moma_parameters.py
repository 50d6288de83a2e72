"""MoMa's parameters: the published counts, and which of them are trained."""

import pytest
import torch

from analysis.models import create_model, list_models
from analysis.models.moma_config import PATTERNS

PUBLISHED = {"moma_b16": (768, 12, 11_137_536), "moma_l14": (1024, 24, 39_333_888)}


def on_meta(name, **overrides):
    with torch.device("meta"):
        return create_model(name, **overrides)


def trained(model):
    return {name for name, p in model.named_parameters() if p.requires_grad}


def trained_count(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def by_hand(d, depth, e, sets=1, gate=0, n=16):
    """What the specification adds up for one layer, times the depth."""
    r = -(-e // 16)
    scan = (4 * e + e) + e * (r + 2 * n) + (r * e + e) + e * n + e
    return depth * (2 * d + (1 + gate) * d * e + sets * scan + 2 * e + (2 * d * e + 2 * d))


@pytest.mark.parametrize("name", PUBLISHED)
def test_trained_parameters_are_the_published_number(name):
    width, depth, expected = PUBLISHED[name]
    model = on_meta(name)
    assert trained_count(model) == by_hand(width, depth, width // 2) == expected


VARIANTS = {
    "a_set_a_direction": ({"scans": ("spatial_first",), "share_scans": False}, (11.6, 40.8)),
    "four_sets": ({"share_scans": False}, (12.6, 43.7)),
    "gate": ({"gate": True}, (14.7, 51.9)),
    "same_inner_width": ({"inner_width": 384}, (11.1, 29.4)),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_trained_parameters_of_variants(variant):
    overrides, millions = VARIANTS[variant]
    sets = {"a_set_a_direction": 2, "four_sets": 4}.get(variant, 1)
    for name, printed in zip(PUBLISHED, millions, strict=True):
        width, depth, _ = PUBLISHED[name]
        inner = overrides.get("inner_width", width // 2)
        count = trained_count(on_meta(name, **overrides))
        assert count == by_hand(width, depth, inner, sets, overrides.get("gate", 0))
        assert count / 1e6 == pytest.approx(printed, abs=0.051)


@pytest.mark.parametrize(
    ("name", "tower", "percent"),
    [("moma_b16", 86_192_640, 11.4), ("moma_l14", 303_966_208, 11.5)],
)
def test_the_trained_share(name, tower, percent):
    model = on_meta(name)
    assert sum(p.numel() for p in model.tower.parameters()) == tower
    share = trained_count(model) / sum(p.numel() for p in model.parameters())
    assert 100 * share == pytest.approx(percent, abs=0.06)


@pytest.mark.parametrize("name", list_models("moma"))
def test_only_modulators_and_what_is_switched_on_are_trained(name):
    for overrides, extra in (
        ({"head": "text"}, set()),
        ({"head": "linear"}, {"head.weight", "head.bias"}),
        ({"head": "text", "temporal_embedding": True}, {"temporal_embedding"}),
    ):
        model = on_meta(name, **overrides)
        inside = {name for name, _ in model.named_parameters() if name.startswith("modulators.")}
        assert inside and trained(model) == inside | extra


def test_without_modulation_nothing_is_trained():
    assert not trained(on_meta("moma_debug", fusion="skip"))


def test_all_patterns_train_as_much():
    counts = {trained_count(on_meta("moma_b16", pattern=pattern)) for pattern in PATTERNS}
    assert counts == {11_137_536}
