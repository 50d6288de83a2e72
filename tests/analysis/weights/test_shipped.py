"""Shipped checkpoints: what is written is what is read, and faulty entries are named."""

import hashlib
import json

import pytest
import torch

from analysis.models import create_model
from analysis.weights import shipped
from analysis.weights.card import WeightsError
from analysis.weights.rows import parameter_count
from analysis.weights.shipped import ship_checkpoint, shipped_cards

STATE = {"head.weight": torch.ones(9, 64), "head.bias": torch.zeros(9)}

ENTRY = {
    "architecture": "videomamba_mini",
    "tag": "test",
    "training": "toy",
    "data": "made-up numbers",
    "labels": "camera_moves",
    "num_frames": 8,
    "image_size": 64,
    "scan_order": "spatial_first",
    "readout": "mean",
    "overrides": {"num_classes": 9},
    "licence": "MIT",
    "reported_accuracy": 91.5,
    "accuracy_note": "top-1 on nothing",
    "note": "For tests.",
    "preprocessing": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
    "run": {"command": "python -m analysis", "seed": 3, "recipe": {"steps": 10}},
}


def test_entry_comes_back_as_a_card(tmp_path):
    card = ship_checkpoint(STATE, ENTRY, tmp_path)
    assert shipped_cards(tmp_path) == (card,)
    assert card.name == "videomamba_mini.test"
    assert card.file == "videomamba_mini.test.safetensors"
    assert (card.training, card.labels, card.reported_accuracy) == ("toy", "camera_moves", 91.5)
    assert card.overrides == {
        "num_frames": 8,
        "image_size": 64,
        "num_classes": 9,
        "readout": "mean",
    }
    assert card.preprocessing.image_size == 64
    assert card.preprocessing.mean == (0.5, 0.5, 0.5)
    assert card.hub_repo is None
    stored = json.loads((tmp_path / "videomamba_mini.test.json").read_text())
    assert stored["run"] == ENTRY["run"]
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_a_model_without_time_classes_and_order_has_a_card(tmp_path):
    absent = {"num_frames": None, "scan_order": None, "readout": None, "labels": None}
    entry = {**ENTRY, **absent, "architecture": "clip_mini", "family": "clip", "overrides": {}}
    card = ship_checkpoint({"logit_scale": torch.zeros(())}, entry, tmp_path)
    assert (card.family, card.overrides) == ("clip", {"image_size": 64})
    expected = sum(p.numel() for p in create_model("clip_mini").parameters())
    assert parameter_count(card) == expected


def test_shipping_again_replaces(tmp_path):
    first = ship_checkpoint(STATE, ENTRY, tmp_path)
    doubled = {key: 2 * tensor for key, tensor in STATE.items()}
    second = ship_checkpoint(doubled, {**ENTRY, "reported_accuracy": 95.0}, tmp_path)
    assert shipped_cards(tmp_path) == (second,)
    assert first.sha256 != second.sha256


FAULTS = {
    "no_seed": ({"run": {"command": "x"}}, "with which command and seed"),
    "untrained": ({"training": "untrained"}, "say trained or toy"),
    "unknown_field": ({"acuracy": 3}, "unknown fields: acuracy"),
    "unknown_preprocessing": ({"preprocessing": {"croping": 1}}, "unknown preprocessing"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faulty_entries_are_not_written(tmp_path, case):
    change, reason = FAULTS[case]
    with pytest.raises(WeightsError, match=reason):
        ship_checkpoint(STATE, {**ENTRY, **change}, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("field", ["architecture", "licence", "reported_accuracy", "run"])
def test_absent_fields_are_named(tmp_path, field):
    entry = {key: value for key, value in ENTRY.items() if key != field}
    with pytest.raises(WeightsError, match=f"The entry lacks {field}"):
        ship_checkpoint(STATE, entry, tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "x.json is not a readable"), ("[]", "x.json should be a JSON object")],
    ids=["broken", "a_list"],
)
def test_unreadable_entries(tmp_path, text, reason):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(WeightsError, match=reason):
        shipped_cards(tmp_path)


def test_every_shipped_file_is_the_one_its_entry_describes():
    for card in shipped_cards():
        path = shipped.SHIPPED_FOLDER / card.file
        assert path.stat().st_size < 10e6
        assert hashlib.sha256(path.read_bytes()).hexdigest() == card.sha256
