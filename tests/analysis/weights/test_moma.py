"""MoMa from a CLIP of any layout and from what was trained of it."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.models import create_model
from analysis.weights import WeightsError
from analysis.weights.moma import load_moma, own_tensors

LAYERS = 2


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def random_model(**overrides):
    model = create_model("moma_debug", **overrides)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2, generator=seeded(0))
    return model.eval()


def to_transformers(state):
    """The tower's tensors by the names of `transformers`, by hand."""
    named = {
        "vision_model.embeddings.class_embedding": state["class_embedding"],
        "vision_model.embeddings.patch_embedding.weight": state["conv1.weight"][:, :, 0],
        "vision_model.embeddings.position_embedding.weight": state["positional_embedding"],
        "visual_projection.weight": state["proj"].T,
    }
    pairs = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj"}
    pairs |= {"mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    for kind in ("weight", "bias"):
        named[f"vision_model.pre_layrnorm.{kind}"] = state[f"ln_pre.{kind}"]
        named[f"vision_model.post_layernorm.{kind}"] = state[f"ln_post.{kind}"]
        for layer in range(LAYERS):
            ours = f"transformer.resblocks.{layer}."
            theirs = f"vision_model.encoder.layers.{layer}."
            parts = state[f"{ours}attn.in_proj_{kind}"].chunk(3)
            for letter, part in zip("qkv", parts, strict=True):
                named[f"{theirs}self_attn.{letter}_proj.{kind}"] = part
            for one, other in pairs.items():
                named[f"{theirs}{other}.{kind}"] = state[f"{ours}{one}.{kind}"]
    return named


LAYOUTS = {
    "openai": lambda state: {
        **{f"visual.{key}": value for key, value in state.items()},
        "visual.conv1.weight": state["conv1.weight"][:, :, 0],
        "token_embedding.weight": torch.zeros(2, 2),
    },
    "tower": lambda state: state,
    "transformers": to_transformers,
}


def saved(path, state):
    save_file({key: value.contiguous() for key, value in state.items()}, path)
    return path


@pytest.fixture
def clip():
    return torch.randn(2, 3, 4, 32, 32, generator=seeded(1))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_give_the_same_model(tmp_path, clip, layout):
    model = random_model()
    tower = saved(tmp_path / "clip.safetensors", LAYOUTS[layout](model.tower.state_dict()))
    own = saved(tmp_path / "own.safetensors", own_tensors(model))
    loaded = load_moma("moma_debug", clip=tower, own=own)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.tower.parameters())
    with torch.inference_mode():
        assert torch.equal(loaded(clip), model(clip))


def test_own_tensors_are_all_but_the_tower(tmp_path):
    model = random_model(head="linear", temporal_embedding=True)
    names = set(own_tensors(model))
    assert names == {name for name, p in model.named_parameters() if p.requires_grad}
    text = set(own_tensors(create_model("moma_debug")))
    assert {name for name in text if name.startswith("head.")} == {
        "head.directions",
        "head.log_scale",
    }


def test_clip_alone_is_clip_frame_by_frame(tmp_path, clip):
    """Without tensors of its own, a fresh model changes nothing in the tower it is given."""
    tower = random_model().tower
    path = saved(tmp_path / "clip.safetensors", tower.state_dict())
    fields = {"cls_mode": "frame", "readout": "cls", "window": None}
    loaded = load_moma("moma_debug", clip=path, **fields)
    frame = clip[:, :, :1]
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(tower(frame)[:, 0], dim=-1)
        torch.testing.assert_close(loaded.encode_clips(frame), expected, rtol=0, atol=1e-5)


def test_a_whole_model_comes_back_and_another_tower_takes_its_place(tmp_path, clip):
    model, other = random_model(), random_model()
    with torch.no_grad():
        other.tower.proj.mul_(-1)
    whole = saved(tmp_path / "whole.safetensors", model.state_dict())
    tower = saved(tmp_path / "clip.safetensors", other.tower.state_dict())
    with torch.inference_mode():
        assert torch.equal(load_moma("moma_debug", own=whole)(clip), model(clip))
        assert torch.equal(load_moma("moma_debug", own=whole, clip=tower)(clip), -model(clip))


def test_other_sizes_are_interpolated(tmp_path):
    model = random_model(temporal_embedding=True, head="linear")
    whole = saved(tmp_path / "whole.safetensors", own_tensors(model))
    tower = saved(tmp_path / "clip.safetensors", model.tower.state_dict())
    loaded = load_moma(
        "moma_debug",
        own=whole,
        clip=tower,
        image_size=48,
        num_frames=8,
        temporal_embedding=True,
        head="linear",
    )
    tables = (loaded.tower.positional_embedding, model.tower.positional_embedding)
    assert tables[0].shape == (1 + 36, 32) and torch.equal(tables[0][0], tables[1][0])
    moments, before = loaded.temporal_embedding[0, :, 0, 0], model.temporal_embedding[0, :, 0, 0]
    # Twice as many, linearly: the outer ones stay, the second stands a quarter on its way.
    torch.testing.assert_close(moments[[0, -1]], before[[0, -1]])
    torch.testing.assert_close(moments[1], 0.75 * before[0] + 0.25 * before[1])
    assert torch.isfinite(loaded(torch.zeros(1, 3, 8, 48, 48))).all()


def test_what_stands_beside_a_clip_decides_its_activation(tmp_path):
    model = random_model()
    path = saved(tmp_path / "clip.safetensors", model.tower.state_dict())
    assert load_moma("moma_debug", clip=path).config.tower == model.config.tower
    beside = {"model_cfg": {"vision_cfg": {"head_width": 16}, "quick_gelu": False}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(beside))
    tower = load_moma("moma_debug", clip=path, image_size=48).config.tower
    assert (tower.activation, tower.heads, tower.image_size) == ("gelu", 2, 48)


def test_shipped_pictures_serve_as_tower(clips_folder):
    loaded = load_moma("moma_mini", clip="clip_mini.pictures")
    stored = load_file(clips_folder.parents[2] / "checkpoints" / "clip_mini.pictures.safetensors")
    assert torch.equal(loaded.tower.proj, stored["visual.proj"])


IMPOSSIBLE = {
    "another_family": (("videomamba_debug",), {}, "videomamba_debug is no MoMa; choose one of"),
    "size": (("moma_debug",), {"image_size": 30}, "choose a multiple of 8"),
    "fusion": (("moma_debug",), {"fusion": "no"}, "unknown fusion"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_requests_are_one_sentence(case):
    names, overrides, message = IMPOSSIBLE[case]
    with pytest.raises(WeightsError, match=message):
        load_moma(*names, **overrides)


FAULTS = {
    "other_switches": (lambda own: own, {"share_scans": False}, "the file lacks modulators.0"),
    "other_width": (
        lambda own: {**own, "modulators.1.ssm.scans.0.D": torch.zeros(3)},
        {},
        r"modulators\.1\.ssm\.scans\.0\.D is \(3,\)",
    ),
    "not_finite": (
        lambda own: {**own, "modulators.0.ssm.scans.0.D": torch.full((16,), float("nan"))},
        {},
        "not finite",
    ),
    "of_another_model": (lambda own: {"layers.0": torch.zeros(2)}, {}, "the file lacks"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_files_that_do_not_fit_are_one_sentence(tmp_path, case):
    change, overrides, message = FAULTS[case]
    own = saved(tmp_path / "own.safetensors", change(own_tensors(random_model())))
    with pytest.raises(WeightsError, match=message) as caught:
        load_moma("moma_debug", own=own, **overrides)
    assert "\n" not in str(caught.value)
