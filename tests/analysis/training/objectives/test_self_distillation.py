"""Self-distillation against the reference pair of the published code."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from analysis.models import create_model
from analysis.models.videomamba import VideoMamba, VideoMambaConfig
from analysis.training.errors import TrainingError
from analysis.training.objectives.self_distillation import SelfDistillationLoss

GOLDEN = Path(__file__).parents[3] / "data/golden"


def golden_model(part, width, distill_width=None):
    weights = load_file(GOLDEN / "image_distill.weights.safetensors")
    prefix = f"{part}."
    shared = {"num_frames": None, "image_size": 32, "patch_size": 8, "depth": 3, "num_classes": 10}
    model = VideoMamba(VideoMambaConfig(width=width, distill_width=distill_width, **shared))
    model.load_state_dict(
        {key.removeprefix(prefix): v for key, v in weights.items() if key.startswith(prefix)}
    )
    return model


@pytest.fixture
def pair():
    io = load_file(GOLDEN / "image_distill.io.safetensors")
    return golden_model("student", 32, 24), golden_model("teacher", 24), io


def test_the_distance_is_that_of_the_published_code(pair):
    student, teacher, io = pair
    objective = SelfDistillationLoss(student.eval(), teacher, weight=1.0)
    images = io["input"]
    _, sums = objective(images, torch.zeros(len(images), dtype=torch.int64))
    assert sums["distance"] / len(images) == pytest.approx(float(io["distill_loss"]), rel=1e-4)


def test_only_the_student_learns(pair):
    student, teacher, io = pair
    objective = SelfDistillationLoss(student, teacher, weight=1.0).train()
    assert not teacher.training
    loss, _ = objective(io["input"], torch.zeros(len(io["input"]), dtype=torch.int64))
    loss.backward()
    assert all(p.grad is not None for p in student.parameters())
    assert all(p.grad is None for p in teacher.parameters())
    assert {id(p) for p in objective.parameters()} == {id(p) for p in student.parameters()}


def test_without_weight_only_labels_count(pair):
    student, teacher, io = pair
    targets = torch.zeros(len(io["input"]), dtype=torch.int64)
    student.eval()
    loss, _ = SelfDistillationLoss(student, teacher, weight=0.0, label_smoothing=0.0)(
        io["input"], targets
    )
    expected = torch.nn.functional.cross_entropy(student(io["input"]), targets, reduction="sum")
    torch.testing.assert_close(loss, expected)


def test_a_teacher_that_does_not_fit_is_one_sentence(pair):
    student, _, _ = pair
    with pytest.raises(TrainingError, match="choose a teacher that fits"):
        SelfDistillationLoss(student, create_model("videomamba_image_debug", width=16), weight=1.0)
