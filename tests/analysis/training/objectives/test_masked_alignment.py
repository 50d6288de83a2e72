"""Masked alignment: the published loss, what it depends on, and runs that learn by it."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from analysis.models import create_model
from analysis.training.errors import RecipeError, TrainingError
from analysis.training.objectives.masked_alignment import (
    MaskedAlignment,
    MaskedAlignmentLoss,
)
from analysis.training.recipe import Execution, ModelChoice
from analysis.training.state import start_state
from analysis.training.trainer import train


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def clips():
    return torch.randn(4, 3, 4, 16, 16, generator=seeded(3))


def make_loss(mask="attention", loss="cosine", ratio=0.5, **student):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model("videomamba_student_debug", **student)
        return MaskedAlignmentLoss(model, create_model("clip_tower_debug"), mask, ratio, loss)


@pytest.mark.parametrize("mask", ["random", "attention"])
def test_each_visible_token_is_compared_with_the_teachers_at_its_place(clips, mask):
    """The loss put together token by token from the positions the mask leaves."""
    objective = make_loss(mask, align_layers=2)
    student, teacher = objective.model, objective.teacher.tower
    drawn = []
    student.register_forward_pre_hook(lambda module, arguments: drawn.append(arguments[1]))
    with torch.no_grad():
        loss, _ = objective(clips, None, seeded())
        aims = teacher.targets(clips, layers=2).targets
        said = student(clips, drawn[0])
    expected = 0.0
    for layer in range(2):
        for clip in range(4):
            places = [place for place in range(65) if not drawn[0][clip, place]]
            assert len(places) == 33
            for rank, place in enumerate(places):
                cosine = said[layer, clip, rank] @ aims[layer, clip, place]
                expected += float(2 - 2 * cosine) / (2 * 33)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("mask", ["tube", "attention"])
def test_the_generator_decides(clips, mask):
    objective = make_loss(mask)
    with torch.no_grad():
        losses = [float(objective(clips, None, seeded(seed))[0]) for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]


def test_only_the_student_learns(clips):
    objective = make_loss().train()
    teacher = objective.teacher.tower
    assert not teacher.training
    loss, _ = objective(clips, None, seeded())
    loss.backward()
    assert all(p.grad is None and not p.requires_grad for p in teacher.parameters())
    assert {id(p) for p in objective.parameters()} == {id(p) for p in objective.model.parameters()}


@pytest.mark.parametrize("align_last", ["published", "normed"])
def test_the_last_layer_and_the_norm_learn_in_the_normed_variant_only(clips, align_last):
    objective = make_loss(align_last=align_last)
    objective(clips, None, seeded())[0].backward()
    without = {n for n, p in objective.model.named_parameters() if p.grad is None}
    last = {f"layers.2.{n}" for n, _ in objective.model.layers[2].named_parameters()}
    assert len(last) == 17
    assert without == (last | {"norm.weight"} if align_last == "published" else set())


def test_images_are_clips_of_one_frame():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        student = create_model("videomamba_student_debug", num_frames=None)
        objective = MaskedAlignmentLoss(student, create_model("clip_tower_debug"), "attention", 0.5)
    loss, _ = objective(torch.randn(2, 3, 16, 16, generator=seeded()), None, seeded())
    assert 0 < float(loss.detach()) < 2 * 4


def test_a_teacher_of_another_resolution_sees_the_clips_resized():
    """Pixels that are all alike stay so; the teacher then says what it says of its own size."""
    objective = MaskedAlignmentLoss(
        create_model("videomamba_student_debug"),
        create_model("clip_tower_debug", image_size=32, patch_size=8),
    )
    flat = torch.full((1, 3, 4, 16, 16), 0.3)
    teacher = objective.teacher.tower
    with torch.no_grad():
        aims, attention = objective.teacher.aims(flat, attention=True)
        expected = teacher.targets(torch.full((1, 3, 4, 32, 32), 0.3), attention=True)
    torch.testing.assert_close(aims, expected.targets, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(attention, expected.attention, rtol=1e-4, atol=1e-5)


def test_the_objective_makes_a_teacher_with_the_students_grid(tmp_path):
    """Frames in tubelets of two and another resolution than the file's."""
    file = tmp_path / "tower.safetensors"
    tower = create_model("clip_tower_debug")
    save_file(tower.state_dict(), file)
    student = create_model("videomamba_student_debug", tubelet=2, image_size=24)
    objective = MaskedAlignment(teacher="clip_tower_debug", teacher_weights=str(file), ratio=0.5)
    module = objective.module(student)
    teacher = module.teacher.tower
    assert teacher.conv1.weight.shape == (24, 3, 2, 4, 4)
    assert torch.equal(teacher.conv1.weight[:, :, 1], tower.conv1.weight[:, :, 0])
    assert torch.equal(teacher.proj, tower.proj)
    loss, sums = module(torch.randn(2, 3, 4, 24, 24, generator=seeded()), None, seeded())
    assert 0 < float(loss.detach()) < 2 * 4
    assert sums == {}


def test_random_teachers_are_alike_from_run_to_run():
    student = create_model("videomamba_student_debug")
    one, two = (
        MaskedAlignment(teacher="clip_tower_debug").module(student).teacher.tower for _ in "12"
    )
    assert torch.equal(one.proj, two.proj)


def test_learning_brings_student_and_teacher_together(clips):
    objective = make_loss(align_last="normed")
    optimizer = torch.optim.AdamW(objective.parameters(), lr=1e-2)
    losses = []
    for step in range(30):
        loss, _ = objective(clips, None, seeded(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()) / len(clips))
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize(
    "execution",
    [Execution(), Execution(accumulate=3), Execution(precision="bfloat16", checkpoint_layers=True)],
    ids=["plain", "accumulate", "bfloat16"],
)
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tiny, material, tmp_path, execution):
    """Masks and dropped paths are drawn anew from the step's own seed."""
    recipe = replace(
        tiny,
        model=ModelChoice("videomamba_student_debug", drop_path_rate=0.4),
        objective=MaskedAlignment(teacher="clip_tower_debug", ratio=0.5),
        execution=execution,
        clips=32,
    )
    whole = train(recipe, material, tmp_path / "whole")
    train(recipe, material, tmp_path / "parts", stop_after=2)
    resumed = train(recipe, material, tmp_path / "parts")
    assert resumed.step == whole.step == 4
    for key, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[key], value), key
    started = start_state(recipe, ()).model.state_dict()
    idle = {
        key for key, value in whole.model.state_dict().items() if torch.equal(value, started[key])
    }
    last = {key for key in started if key.startswith("layers.2.")}
    assert last | {"norm.weight"} <= idle
    assert "layers.1.mixer.in_proj.weight" not in idle


@pytest.mark.parametrize(
    "teacher", [{"image_size": 32}, {"output_dim": 8}, {"tubelet": 2}], ids=lambda t: next(iter(t))
)
def test_a_teacher_that_does_not_fit_is_one_sentence(teacher):
    student = create_model("videomamba_student_debug")
    with pytest.raises(TrainingError, match="choose a teacher that fits"):
        MaskedAlignmentLoss(student, create_model("clip_tower_debug", **teacher))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mask": "rows"}, r"objective\.mask is rows; it has to be random or tube"),
        ({"ratio": 1.0}, r"objective\.ratio is 1\.0"),
        ({"loss": "l2"}, r"objective\.loss is l2; it has to be cosine or mse"),
        ({"teacher": "videomamba_mini"}, "clip_tower_b16 or"),
        ({"teacher_interval": 0}, "teacher_interval is 0"),
    ],
)
def test_impossible_objectives_are_one_sentence(fields, message):
    with pytest.raises(RecipeError, match=message):
        MaskedAlignment(**fields)
