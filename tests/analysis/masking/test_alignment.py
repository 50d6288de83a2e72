"""Alignment: the published loss through this path, cosines token by token, what stands beside."""

import math

import pytest
import torch
from safetensors.torch import load_file

from analysis.layers.token_grid import TokenGrid
from analysis.masking.alignment import align, compare, teacher_of
from analysis.masking.strategies import draw_masks
from analysis.masking.teacher import (
    CLIP_VARIABLE,
    SHIPPED_TEACHER,
    Teacher,
    find_teacher,
    teacher_targets,
)
from analysis.models import create_model
from analysis.models.videomamba_student import StudentConfig, VideoMambaStudent
from analysis.weights import WeightsError

pytestmark = pytest.mark.usefixtures("one_thread")
GRID = TokenGrid(4, 4, 4)
GOLDEN = {"pretrain_last1": {}, "pretrain_last2": {"align_layers": 2, "align_interval": 2}}
NUMBERS = {"pretrain_last1": ((3, 2),), "pretrain_last2": ((1, 1), (3, 2))}


def seeded_model(name, seed, **fields):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return create_model(name, **fields).eval()


@pytest.fixture
def clip():
    return torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def teacher():
    tower = seeded_model("clip_tower_debug", 1)
    return Teacher("random", "file", GRID, 4, tower, "")


def mask_of(name="random", ratio=0.5, seed=3):
    return draw_masks(name, GRID, ratio, 1, torch.Generator().manual_seed(seed))[0]


@pytest.mark.parametrize("case", GOLDEN)
def test_golden_loss_and_cosines(golden_folder, case):
    """The reference's own outputs and targets, clip by clip."""
    config = StudentConfig(
        width=32,
        depth=4,
        num_frames=4,
        image_size=32,
        patch_size=8,
        target_width=16,
        **GOLDEN[case],
    )
    student = VideoMambaStudent(config).eval()
    student.load_state_dict(load_file(golden_folder / f"{case}.weights.safetensors"))
    io = load_file(golden_folder / f"{case}.io.safetensors")
    losses = []
    for number, (clip, mask) in enumerate(zip(io["input"], io["mask"], strict=True)):
        aims = io["target"][:, number]
        targets = torch.full((len(aims), GRID.length, 16), float("nan"))
        targets[:, ~mask] = aims
        found = compare(student, targets, clip, mask, NUMBERS[case])
        losses.append(found.loss)
        expected = (io["output"][:, number] * aims).sum(-1)
        for layer, cosines in zip(found.layers, expected, strict=True):
            tokens = torch.from_numpy(layer.tokens).flatten()
            shown = torch.cat([torch.tensor([layer.cls]), tokens[~mask[1:]]])
            torch.testing.assert_close(shown.float(), cosines, rtol=0, atol=1e-5)
            assert layer.mean == pytest.approx(float(cosines.mean()), abs=1e-5)
    assert sum(losses) / len(losses) == pytest.approx(float(io["align_loss_l2"]), abs=1e-5)


def test_every_number_from_the_tokens_one_by_one(clip, teacher):
    student, before = (seeded_model("videomamba_student_debug", seed) for seed in (0, 7))
    mask = mask_of()
    found = align(student, teacher, clip, mask, before)
    targets = teacher_targets(teacher, clip)[0]
    with torch.inference_mode():
        said = student(clip[None], mask[None])[0, 0]
        earlier = before(clip[None], mask[None])[0, 0]
    seen = [place for place in range(GRID.length) if not mask[place]]
    own = {place: float(said[rank] @ targets[place]) for rank, place in enumerate(seen)}
    others = [
        float(said[rank] @ targets[other])
        for rank, place in enumerate(seen)
        for other in seen
        if 0 not in (place, other) and other != place
    ]
    layer = found.last
    assert (layer.layer, layer.teacher_layer) == (2, 2)
    assert layer.cls == pytest.approx(own[0], abs=1e-6)
    assert layer.mean == pytest.approx(sum(own.values()) / len(own), abs=1e-6)
    assert layer.chance == pytest.approx(sum(others) / len(others), abs=1e-6)
    assert found.loss == pytest.approx(2 - 2 * layer.mean, abs=1e-6)
    untrained = sum(float(earlier[rank] @ targets[place]) for rank, place in enumerate(seen))
    assert layer.untrained == pytest.approx(untrained / len(seen), abs=1e-6)
    for place, value in enumerate(layer.tokens.flatten(), start=1):
        assert math.isnan(value) if mask[place] else value == pytest.approx(own[place], abs=1e-6)
    for number, mean in enumerate(layer.by_frame):
        frame = [own[place] for place in seen[1:] if (place - 1) // 16 == number]
        assert mean == pytest.approx(sum(frame) / len(frame), abs=1e-6)
    assert found.mask.shape == (4, 4, 4)
    assert (found.mask.flatten() == mask[1:].numpy()).all()


def test_layers_and_their_numbers(clip, teacher):
    student = seeded_model("videomamba_student_debug", 0, align_layers=2)
    found = align(student, teacher, clip, mask_of(), teacher_interval=2)
    assert [(one.layer, one.teacher_layer) for one in found.layers] == [(1, 0), (2, 2)]
    assert found.loss == pytest.approx(2 - sum(one.mean for one in found.layers), abs=1e-5)
    assert found.last is found.layers[1]
    assert found.last.untrained is None


def test_a_student_that_says_what_the_teacher_saw_is_at_one(clip, teacher):
    """The decoder's work done by hand: it hands out the targets themselves."""

    class Knowing(torch.nn.Module):
        config = seeded_model("videomamba_student_debug", 0).config
        token_grid = GRID

        def forward(self, clips, mask):
            return teacher_targets(teacher, clips[0])[:, None, ~mask[0]]

    layer = align(Knowing(), teacher, clip, mask_of()).last
    assert layer.mean == pytest.approx(1, abs=1e-6)
    assert layer.chance < 0.999


def test_frames_without_visible_tokens_and_a_single_token(clip, teacher):
    student = seeded_model("videomamba_student_debug", 0)
    mask = torch.ones(GRID.length, dtype=torch.bool)
    mask[[0, 20]] = False
    layer = align(student, teacher, clip, mask).last
    assert [math.isnan(mean) for mean in layer.by_frame] == [True, False, True, True]
    assert layer.by_frame[1] == pytest.approx(layer.tokens[1, 0, 3])
    assert math.isnan(layer.chance)


def test_images_are_clips_of_one_frame():
    student = seeded_model("videomamba_student_debug", 0, num_frames=None)
    grid = TokenGrid(1, 4, 4)
    teacher = Teacher("random", "file", grid, 1, seeded_model("clip_tower_debug", 1), "")
    mask = draw_masks("random", grid, 0.5, 1, torch.Generator().manual_seed(0))[0]
    layer = align(student, teacher, torch.zeros(3, 1, 16, 16), mask).last
    assert -1 <= layer.mean <= 1


def test_the_shipped_students_teacher():
    student = seeded_model("videomamba_student_mini", 0)
    assert teacher_of(student).name == SHIPPED_TEACHER
    assert teacher_of(student) is find_teacher(student.token_grid, 8, SHIPPED_TEACHER)


def test_a_teacher_that_does_not_fit_is_one_sentence(clip, teacher):
    student = seeded_model("videomamba_student_debug", 0, target_width=8)
    with pytest.raises(ValueError, match=r"aims at width 8 .* has width 16 .* that fits"):
        align(student, teacher, clip, mask_of())


def test_a_width_that_no_teacher_has_is_one_sentence(monkeypatch):
    monkeypatch.delenv(CLIP_VARIABLE, raising=False)
    student = seeded_model("videomamba_student_debug", 0, target_width=8)
    with pytest.raises(WeightsError, match=r"width 8, which none here has; let SCANSCOPE_CLIP"):
        teacher_of(student)
