"""Which model the switches of the small MoMa ask for."""

from dataclasses import replace

import pytest
import torch

from analysis.adaptation.errors import AdaptationError
from analysis.models import create_model
from analysis.weights import WeightsError
from analysis.weights.shipped import ship_checkpoint
from app.moma_models import (
    UNTRAINED,
    MomaSetting,
    check_setting,
    first_setting,
    modulations,
    setting_of,
    small_moma,
)

TRAINED = "moma_mini.noise"


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """A checkpoint as training leaves it, in a folder of one's own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = create_model("moma_mini", fusion="add", zero_init=False)
    entry = {
        "architecture": "moma_mini",
        "family": "moma",
        "tag": "noise",
        "training": "toy",
        "data": "noise",
        "labels": "camera_moves",
        "overrides": {"num_classes": 9, "fusion": "add"},
        "num_frames": 8,
        "image_size": 64,
        "scan_order": None,
        "readout": "mean",
        "licence": "MIT",
        "reported_accuracy": None,
        "accuracy_note": "",
        "run": {"command": "none", "seed": 7},
    }
    ship_checkpoint(model.state_dict(), entry, tmp_path)
    monkeypatch.setattr("analysis.weights.catalogue.download_folder", lambda: tmp_path)
    monkeypatch.setattr("analysis.weights.hub.download_folder", lambda: tmp_path)
    return model


def test_untrained_scans_are_the_same_each_time_and_the_page_begins_with_what_there_is():
    setting = MomaSetting(UNTRAINED)
    check_setting(first_setting())
    one = small_moma(setting, 4).model
    other = small_moma(replace(setting, window="2"), 4).model
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert one.divide.window == 4 and other.divide.window == 2
    assert len(small_moma(setting, 4).labels) == 48


def test_a_trained_model_is_found_with_its_fusion_and_classes(trained):
    assert first_setting() == MomaSetting("moma_mini.camera", 1.0, "seqmod")
    setting = setting_of(TRAINED)
    assert setting == MomaSetting(TRAINED, 1.0, "add") and setting.unswitched == setting
    made = small_moma(setting, 4)
    assert made.card.training == "toy" and made.labels[0] == "static"
    state = trained.state_dict()
    assert all(torch.equal(state[name], value) for name, value in made.model.state_dict().items())
    switched = small_moma(replace(setting, scans="temporal_first", directions="forward"), 4).model
    assert switched.modulators[0].ssm.paths == (("temporal_first", False),)
    assert all(torch.equal(state[name], value) for name, value in switched.state_dict().items())
    with pytest.raises(AdaptationError, match=r"was trained with add .*choose add, or untrained"):
        check_setting(replace(setting, fusion="seqmod"))
    with pytest.raises(AdaptationError, match="reads out the mean"):
        check_setting(replace(setting, cls="read_out"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fusion": "seqmood"}, "no fusion 'seqmood'; did you mean seqmod"),
        ({"fusion": "skip"}, "no fusion 'skip'"),
        ({"window": "5"}, "no window '5'"),
        ({"weights": "moma_mini.none"}, "no weights 'moma_mini.none'"),
        ({"strength": 3.0}, "strength is 3; choose 0 to 2"),
    ],
)
def test_what_no_model_can_be_is_one_sentence(change, words):
    with pytest.raises(AdaptationError, match=words):
        check_setting(MomaSetting(**change))


def test_scans_without_a_way_to_what_is_read_out_are_refused():
    assert modulations(MomaSetting(cls="read_out")) == modulations(MomaSetting()) - 1
    with pytest.raises(WeightsError, match="no modulation has a way to the class tokens"):
        small_moma(MomaSetting(pattern="T_then_M", cls="read_out"), 4)
