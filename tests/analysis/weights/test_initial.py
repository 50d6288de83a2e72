"""Students of masked pretraining as the start of classifiers, and CLIPs as that of a MoMa."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.models import create_model
from analysis.models.videomamba import VideoMamba, VideoMambaConfig
from analysis.models.videomamba_student import StudentConfig, VideoMambaStudent
from analysis.weights import WeightsError
from analysis.weights.initial import load_initial_weights

SHAPE = {"width": 32, "depth": 4, "num_frames": 4, "image_size": 32, "patch_size": 8}
NORMS = ("norm.weight", "norm_f.weight")


@pytest.fixture
def student_file(golden_folder):
    return golden_folder / "pretrain_last2.weights.safetensors"


def classifier(**fields):
    return VideoMamba(VideoMambaConfig(**{**SHAPE, "num_classes": 5, **fields})).eval()


def without_decoders(state):
    return {key for key in state if not key.startswith("clip_decoder.")}


@pytest.mark.parametrize("carry_norm", [False, True])
def test_a_student_without_its_decoders_and_norm(student_file, carry_norm):
    state, model = load_file(student_file), classifier()
    head = model.head.weight.clone()
    report = load_initial_weights(model, str(student_file), carry_norm=carry_norm)
    shared = without_decoders(state) - {"norm.weight"}
    assert len(shared) == 4 * 17 + 5
    for key in shared:
        assert torch.equal(model.state_dict()[key], state[key]), key
    assert torch.equal(model.head.weight, head)
    expected = state["norm.weight"] if carry_norm else torch.ones(32)
    assert torch.equal(model.norm_f.weight, expected)
    assert set(report.dropped) == set(state) - without_decoders(state)
    assert set(report.missing) == {"head.weight", "head.bias"} | (
        set() if carry_norm else {"norm_f.weight"}
    )
    assert report.unexpected == (() if carry_norm else ("norm.weight",))


def test_the_classifier_sees_what_the_student_learned_to_see(golden_folder, student_file):
    """With the norm carried over its final tokens are the student's aligned ones."""
    student = VideoMambaStudent(
        StudentConfig(**SHAPE, target_width=16, align_layers=2, align_last="normed")
    ).eval()
    student.load_state_dict(load_file(student_file))
    model = classifier()
    load_initial_weights(model, str(student_file), carry_norm=True)
    io = load_file(golden_folder / "pretrain_last2.io.safetensors")
    with torch.inference_mode():
        aligned = student.aligned_features(io["input"], torch.zeros_like(io["mask"]))
        torch.testing.assert_close(model.forward_features(io["input"]), aligned[-1])


def test_more_frames_and_another_resolution(student_file):
    model = classifier(num_frames=8, image_size=48)
    report = load_initial_weights(model, str(student_file))
    assert {r.key: r.method for r in report.resized} == {
        "pos_embed": "bicubic",
        "temporal_pos_embedding": "linear",
    }


@pytest.mark.parametrize("carry_norm", [False, True])
def test_a_student_goes_on_as_a_student(student_file, carry_norm):
    config = StudentConfig(**SHAPE, target_width=16, align_layers=2)
    student, state = VideoMambaStudent(config), load_file(student_file)
    report = load_initial_weights(student, str(student_file), carry_norm=carry_norm)
    assert set(report.loaded) == set(state)
    assert torch.equal(student.norm.weight, state["norm.weight"])


def test_a_classifier_without_its_norm_is_still_refused(tmp_path):
    """Only students may lack it: in any other file it was forgotten."""
    state = {k: v for k, v in classifier().state_dict().items() if k not in NORMS}
    save_file(state, tmp_path / "cut.safetensors")
    with pytest.raises(WeightsError, match=r"it has no norm_f\.weight"):
        load_initial_weights(classifier(), str(tmp_path / "cut.safetensors"))


def test_a_clip_of_another_activation_is_refused_as_a_start(tmp_path):
    """It can't be told from its tensors: without the word beside the file it would run and err."""
    model = create_model("moma_debug")
    save_file(model.tower.state_dict(), tmp_path / "clip.safetensors")
    beside, source = tmp_path / "config.json", str(tmp_path / "clip.safetensors")
    beside.write_text(json.dumps({"hidden_act": "quick_gelu", "num_attention_heads": 4}))
    assert load_initial_weights(model, source).loaded
    beside.write_text(json.dumps({"vision_config": {"hidden_act": "gelu"}}))
    with pytest.raises(WeightsError, match="activation gelu, the model one with quick_gelu"):
        load_initial_weights(model, source)
