"""Students by name: found, loaded, and no choice for those who want an answer."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.models import create_model
from analysis.weights import WeightsError, can_classify, load_model, weights_card
from analysis.weights.hub import FOLDER_VARIABLE
from analysis.weights.shipped import ship_checkpoint
from analysis.weights.students import list_students, load_student, untrained_student

NAME = "videomamba_student_debug.test"
ENTRY = {
    "architecture": "videomamba_student_debug",
    "family": "videomamba_student",
    "tag": "test",
    "training": "toy",
    "data": "random numbers",
    "labels": None,
    "overrides": {"align_layers": 2},
    "num_frames": 4,
    "image_size": 16,
    "scan_order": "spatial_first",
    "readout": None,
    "licence": "MIT",
    "reported_accuracy": None,
    "accuracy_note": "",
    "run": {"command": "none", "seed": 0},
}


@pytest.fixture
def student(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    model = create_model("videomamba_student_debug", align_layers=2)
    ship_checkpoint(model.state_dict(), ENTRY, tmp_path)
    return model


def test_a_student_comes_back_by_its_name(student):
    loaded = load_student(NAME)
    assert not loaded.model.training
    assert loaded.labels == ()
    assert loaded.config == student.config
    assert loaded.preprocessing.image_size == 16
    assert loaded.content_hash == loaded.card.sha256
    for key, value in student.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[key], value), key


def test_before_training(student):
    loaded = load_student(NAME)
    one, two = (untrained_student(loaded) for _ in "12")
    assert one.config == loaded.config
    assert not one.model.training
    key = "layers.0.mixer.in_proj.weight"
    assert torch.equal(one.model.state_dict()[key], two.model.state_dict()[key])
    assert not torch.equal(one.model.state_dict()[key], loaded.model.state_dict()[key])


def test_students_are_listed_apart_from_models_that_answer(student):
    assert NAME in [card.name for card in list_students()]
    assert all(not can_classify(card) for card in list_students())
    assert not can_classify(weights_card(NAME))
    with pytest.raises(WeightsError, match="cannot be loaded as a classifier"):
        load_model(NAME)


def test_an_entry_that_forgets_an_aligned_layer_is_one_sentence(student, tmp_path):
    """The decoders would be taken for another layer's."""
    ship_checkpoint(student.state_dict(), {**ENTRY, "overrides": {}}, tmp_path)
    with pytest.raises(WeightsError, match="aligns more layers than its entry says"):
        load_student(NAME)


def test_what_is_no_student_is_one_sentence(student, tmp_path):
    with pytest.raises(WeightsError, match=rf"is no student of masked pretraining.*{NAME}"):
        load_student("videomamba_mini.camera")
    with pytest.raises(WeightsError, match="There are no weights called"):
        load_student("videomamba_student_debug.tset")
    file = tmp_path / f"{NAME}.safetensors"
    save_file({key: value + 1 for key, value in load_file(file).items()}, file)
    with pytest.raises(WeightsError, match="is not the file its entry describes"):
        load_student(NAME)
