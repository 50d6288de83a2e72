"""Hosts with untrained adaptors: the host's answers at strength 0, switches, what is refused."""

from dataclasses import replace

import pytest
import torch

from analysis.adaptation.adapted_host import (
    ARCHITECTURE,
    HOST,
    AdaptorChoice,
    adapted_host,
    draw_predictors,
    switch_memory,
    trained_adaptors,
)
from analysis.adaptation.adaptor_strength import adaptors_at
from analysis.models import create_model
from analysis.models.mamba_adaptor import memories, scan_layers
from analysis.weights import WeightsError, load_model
from analysis.weights.shipped import ship_checkpoint


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""


def test_untrained_adaptors_stand_on_the_trained_host():
    clip = torch.randn(1, 3, 8, 64, 64, generator=torch.Generator().manual_seed(0))
    model, host = adapted_host(AdaptorChoice()), load_model(HOST).model
    with torch.inference_mode():
        expected = host(clip)
        with adaptors_at(model, 0):
            torch.testing.assert_close(model(clip), expected, rtol=0, atol=1e-5)
        assert (model(clip) - expected).abs().max() > 0.1
    zero = adapted_host(AdaptorChoice(predictors="zero", memory_sequences=2, share="all"))
    (memory,) = memories(zero)
    assert memory.sequences == 2 and not memory.place_weight.any()


def test_switches_of_trained_adaptors_keep_their_parameters():
    model = create_model("videomamba_adaptor_debug", usage="backbone", share="all", image_size=8)
    draw_predictors(model, torch.Generator().manual_seed(0))
    (memory,) = memories(model)
    memory.anchors.data += 1
    switch_memory(model, selection="learned", memory_range="past")
    (learned,) = memories(model)
    assert torch.equal(learned.anchors, memory.anchors)
    assert torch.equal(learned.coefficient_weight, memory.coefficient_weight)
    assert learned.config.memory_range == "past" and not hasattr(learned, "place_weight")
    switch_memory(model, selection="static")
    torch.testing.assert_close(memories(model)[0].anchors, memory.anchors - 1)
    with pytest.raises(ValueError, match="trained without place weight"):
        switch_memory(model, selection="predicted")


def test_switches_leave_every_direction_its_own_memory():
    model = create_model(
        "videomamba_adaptor_debug", usage="backbone", share_directions=False, image_size=8
    )
    draw_predictors(model, torch.Generator().manual_seed(0))
    before = memories(model)
    switch_memory(model, memory_range="past")
    after = memories(model)
    assert len(after) == len(before) == 2 * len(list(scan_layers(model)))
    for old, new in zip(before, after, strict=True):
        assert torch.equal(old.place_weight, new.place_weight)
        assert new.config.memory_range == "past"


def test_trained_adaptors_are_found_and_keep_their_own_shape(monkeypatch, tmp_path):
    """A checkpoint as training leaves it; of the switches only the live ones count."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = create_model(ARCHITECTURE, usage="backbone", memory_locations=2, num_classes=9)
    entry = {
        **{"architecture": ARCHITECTURE, "tag": "own", "training": "toy", "data": "noise"},
        **{"labels": "camera_moves", "num_frames": 8, "image_size": 64, "readout": "mean"},
        **{"scan_order": "spatial_first", "licence": "MIT", "reported_accuracy": None},
        **{"accuracy_note": "", "run": {"command": "none", "seed": 3}},
        "overrides": {"num_classes": 9, "memory_locations": 2},
    }
    ship_checkpoint(model.state_dict(), entry, tmp_path)
    monkeypatch.setattr("analysis.weights.catalogue.download_folder", lambda: tmp_path)
    monkeypatch.setattr("analysis.weights.hub.download_folder", lambda: tmp_path)
    name = f"{ARCHITECTURE}.own"
    assert name in {card.name for card in trained_adaptors()}
    found = adapted_host(AdaptorChoice(weights=name, memory_locations=8, memory_range="past"))
    memory, own = memories(found)[0], memories(model)[0]
    assert memory.places == 2 and memory.config.memory_range == "past"
    assert torch.equal(memory.place_weight, own.place_weight)
    assert torch.equal(memory.gamma, own.gamma)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"locations": "grid", "memory_range": "past"}, "Places on the grid have no past"),
        ({"memory_sequences": 3}, "128 channels can't be shared among 3 memory sequences"),
        ({"predictors": "wild"}, "There are no predictors 'wild'"),
        ({"weights": HOST}, "has no adaptors"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(fields, words):
    with pytest.raises(WeightsError, match=words) as refused:
        adapted_host(replace(AdaptorChoice(), **fields))
    assert str(refused.value).count(". ") == 0 and str(refused.value).endswith(".")
