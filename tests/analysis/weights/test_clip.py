"""Towers from files in the layouts they come in."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.models import create_model
from analysis.weights import WeightsError
from analysis.weights.clip import load_clip_tower

GOLDEN = {"image_size": 32, "patch_size": 8, "width": 32, "layers": 3, "heads": 4, "output_dim": 16}
LAYOUTS = {
    "tower": lambda state: state,
    "whole_clip": lambda state: {
        **{f"visual.{key}": value for key, value in state.items()},
        "visual.conv1.weight": state["conv1.weight"][:, :, 0].contiguous(),
        "token_embedding.weight": torch.zeros(2, 2),
        "logit_scale": torch.zeros(1),
    },
    "beside_its_student": lambda state: {
        **{f"clip_teacher.{key}": value for key, value in state.items()},
        "vision_encoder.norm.weight": torch.zeros(2),
    },
    "half_precision": lambda state: {key: value.half() for key, value in state.items()},
}


@pytest.fixture
def state(golden_folder):
    return load_file(golden_folder / "clip_teacher.weights.safetensors")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path, golden_folder, state, layout):
    save_file(LAYOUTS[layout](state), tmp_path / "clip.safetensors")
    tower = load_clip_tower(tmp_path / "clip.safetensors", "clip_tower_debug", **GOLDEN)
    assert not tower.training
    io = load_file(golden_folder / "clip_teacher.io.safetensors")
    with torch.inference_mode():
        targets = tower.targets(io["input"], layers=2).targets
    bound = 5e-3 if layout == "half_precision" else 1e-5
    torch.testing.assert_close(targets, io["output"], rtol=0, atol=bound)


def test_tubelets_see_still_clips_as_frames(tmp_path, state):
    save_file(state, tmp_path / "clip.safetensors")
    frame = torch.randn(1, 3, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    towers = (
        load_clip_tower(
            tmp_path / "clip.safetensors", "clip_tower_debug", **GOLDEN, tubelet=tubelet
        )
        for tubelet in (1, 2)
    )
    with torch.inference_mode():
        one, two = (tower(frame.expand(-1, -1, n, -1, -1)) for n, tower in enumerate(towers, 1))
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_another_resolution_resizes_the_table(tmp_path, state):
    save_file(state, tmp_path / "clip.safetensors")
    sizes = {**GOLDEN, "image_size": (48, 24)}
    tower = load_clip_tower(tmp_path / "clip.safetensors", "clip_tower_debug", **sizes)
    assert tower.positional_embedding.shape == (1 + 6 * 3, 32)
    assert torch.equal(tower.positional_embedding[0], state["positional_embedding"][0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: {k: v for k, v in state.items() if k != "proj"}, "the file lacks proj"),
        (lambda state: {**state, "proj": torch.zeros(32, 8)}, r"proj is \(32, 8\)"),
        (lambda state: {"head.weight": torch.zeros(2, 2)}, "the file lacks conv1.weight"),
    ],
    ids=["without_projection", "another_width", "another_model"],
)
def test_files_that_do_not_fit_are_one_sentence(tmp_path, state, change, message):
    save_file(change(state), tmp_path / "clip.safetensors")
    with pytest.raises(WeightsError, match=message):
        load_clip_tower(tmp_path / "clip.safetensors", "clip_tower_debug", **GOLDEN)


def test_sizes_a_tower_cannot_have_are_one_sentence(tmp_path, state):
    save_file(state, tmp_path / "clip.safetensors")
    with pytest.raises(WeightsError, match="multiple of 8"):
        load_clip_tower(
            tmp_path / "clip.safetensors", "clip_tower_debug", **{**GOLDEN, "image_size": 30}
        )


def test_a_saved_tower_comes_back(tmp_path):
    tower = create_model("clip_tower_debug")
    save_file(tower.state_dict(), tmp_path / "clip.safetensors")
    loaded = load_clip_tower(tmp_path / "clip.safetensors", "clip_tower_debug")
    for key, value in tower.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key
