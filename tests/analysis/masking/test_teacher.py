"""The teacher: which one is found, how it is made to fit, what it says of a clip."""

import os

import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.layers.token_grid import TokenGrid
from analysis.masking.teacher import (
    CLIP_VARIABLE,
    SHIPPED_TEACHER,
    find_teacher,
    teacher_attention,
    teacher_hash,
    teacher_targets,
)
from analysis.weights import WeightsError
from analysis.weights.clip import load_clip_tower

pytestmark = pytest.mark.usefixtures("one_thread")
MINI = TokenGrid(4, 8, 8)


@pytest.fixture(autouse=True)
def no_file_given(monkeypatch):
    monkeypatch.delenv(CLIP_VARIABLE, raising=False)


@pytest.fixture
def golden_file(golden_folder, tmp_path):
    """The published teacher at a small size; its heads are not 64 wide, so they are written down.

    Its grid is 4 x 4 patches of 8 pixels.
    """
    state = load_file(golden_folder / "clip_teacher.weights.safetensors")
    save_file(state, tmp_path / "teacher.safetensors")
    (tmp_path / "config.json").write_text('{"vision_config": {"num_attention_heads": 4}}')
    return tmp_path / "teacher.safetensors"


def random_clip(frames, side):
    return torch.randn(3, frames, side, side, generator=torch.Generator().manual_seed(2))


def test_without_a_file_the_shipped_tower_teaches_and_says_so():
    teacher = find_teacher(MINI, 8)
    assert (teacher.name, teacher.training) == (SHIPPED_TEACHER, "toy")
    assert "Toy-trained here on captioned pictures" in teacher.note
    assert "resized" not in teacher.note
    assert "Of every 2 frames in a token it sees number 2." in teacher.note


def test_golden_attention_and_targets(golden_folder, golden_file):
    teacher = find_teacher(TokenGrid(4, 4, 4), 4, golden_file)
    assert (teacher.name, teacher.training) == ("teacher.safetensors", "file")
    io = load_file(golden_folder / "clip_teacher.io.safetensors")
    attention = io["attn"].unflatten(0, (2, 4))
    for clip, seen, weights in zip(io["input"], io["output"].unbind(1), attention, strict=True):
        torch.testing.assert_close(teacher_attention(teacher, clip), weights, rtol=0, atol=1e-6)
        targets = teacher_targets(teacher, clip, layers=2)
        torch.testing.assert_close(targets, seen, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("grid", "frames", "side", "resized"),
    [
        (MINI, 8, 64, False),
        (TokenGrid(8, 14, 14), 8, 224, True),
        (TokenGrid(1, 14, 14), None, 224, True),
        (TokenGrid(2, 8, 8), 2, 96, False),
    ],
    ids=["mini", "published", "image", "frames_of_another_size"],
)
def test_any_grid(grid, frames, side, resized):
    teacher = find_teacher(grid, frames)
    clip = random_clip(frames or 1, side)
    attention = teacher_attention(teacher, clip)
    assert attention.shape == (grid.t, grid.h * grid.w)
    assert (attention > 0).all()
    assert (attention.sum(1) < 1).all()
    targets = teacher_targets(teacher, clip)
    assert targets.shape == (1, grid.length, 64)
    torch.testing.assert_close(targets.norm(dim=-1), torch.ones(1, grid.length))
    assert ("was resized from 8 x 8 to 14 x 14 tokens" in teacher.note) == resized


def test_attention_is_of_the_frame_in_the_middle_of_a_tubelet():
    """What the note says: the first of two frames has no influence."""
    teacher, clip = find_teacher(MINI, 8), random_clip(8, 64)
    first, second = clip.clone(), clip.clone()
    first[:, ::2] = 0
    second[:, 1::2] = 0
    found = teacher_attention(teacher, clip)
    assert torch.equal(teacher_attention(teacher, first), found)
    assert not torch.equal(teacher_attention(teacher, second), found)


def test_the_tower_is_that_of_training():
    """Masks and alignment here and in training come from one tower."""
    teacher = find_teacher(MINI, 8)
    trained = load_clip_tower(SHIPPED_TEACHER, "clip_tower_mini", image_size=64, tubelet=2)
    for key, value in trained.state_dict().items():
        assert torch.equal(teacher.tower.state_dict()[key], value), key


def test_the_environment_names_a_file(monkeypatch, golden_file):
    shipped = teacher_hash()
    monkeypatch.setenv(CLIP_VARIABLE, str(golden_file))
    grid = TokenGrid(2, 4, 4)
    assert find_teacher(grid, 2).name == "teacher.safetensors"
    assert find_teacher(grid, 2, SHIPPED_TEACHER).training == "toy"
    assert teacher_hash() != shipped == teacher_hash(SHIPPED_TEACHER)


def test_teachers_are_kept_until_their_file_changes(golden_file):
    grid = TokenGrid(2, 4, 4)
    first = find_teacher(grid, 2, golden_file)
    assert find_teacher(grid, 2, golden_file) is first
    save_file(
        {key: 2 * value for key, value in first.tower.state_dict().items()},
        golden_file,
    )
    os.utime(golden_file, ns=(0, golden_file.stat().st_mtime_ns + 1_000_000))
    second = find_teacher(grid, 2, golden_file)
    assert torch.equal(second.tower.proj, 2 * first.tower.proj)


def test_what_does_not_fit_is_one_sentence(tmp_path):
    with pytest.raises(WeightsError, match=r"absent\.pt cannot be read"):
        find_teacher(MINI, 8, tmp_path / "absent.pt")
    save_file({"head.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"holds no visual tower of CLIP.*conv1\.weight"):
        find_teacher(MINI, 8, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"clips \(3, 8, H, W\), got \(3, 4, 64, 64\)"):
        teacher_attention(find_teacher(MINI, 8), random_clip(4, 64))
