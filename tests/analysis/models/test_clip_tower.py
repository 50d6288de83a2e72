"""CLIP's visual tower against the published teacher and a transformer put together from torch's."""

import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from analysis.models import create_model
from analysis.models.aligned_layers import aligned_layers
from analysis.models.clip_tower import ClipTower, ClipTowerConfig


def random_clip(tower, frames=4, batch=2):
    shape = (batch, 3, frames, *tower.config.frame_size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def golden(golden_folder):
    config = ClipTowerConfig(
        image_size=32, patch_size=8, width=32, layers=3, heads=4, output_dim=16
    )
    tower = ClipTower(config).eval()
    tower.load_state_dict(load_file(golden_folder / "clip_teacher.weights.safetensors"))
    return tower, load_file(golden_folder / "clip_teacher.io.safetensors")


@pytest.fixture
def debug_tower():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return create_model("clip_tower_debug").eval()


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("attention", [False, True])
def test_golden_teacher(golden, attention, gradients):
    tower, io = golden
    with torch.set_grad_enabled(gradients):
        found = tower.targets(io["input"], layers=2, attention=attention)
    torch.testing.assert_close(found.targets, io["output"], rtol=0, atol=1e-5)
    if attention:
        expected = io["attn"].unflatten(0, (2, 4))
        torch.testing.assert_close(found.attention, expected, rtol=0, atol=1e-6)
    else:
        assert found.attention is None


def test_state_dict_equals_the_published_manifest(golden_folder):
    entry = json.loads((golden_folder / "manifest/pretrain.json").read_text())["clip_teacher_b16"]
    with torch.device("meta"):
        tower = create_model("clip_tower_b16")
    assert {k: list(v.shape) for k, v in tower.state_dict().items()} == entry["keys"]
    assert sum(p.numel() for p in tower.parameters()) == entry["n_parameters"]


def test_embeddings_equal_a_transformer_of_torchs_own_layers(debug_tower):
    """The tower with GELU for QuickGELU is torch's encoder, frame by frame."""
    tower, config = debug_tower, debug_tower.config
    clip = random_clip(tower)
    layer = nn.TransformerEncoderLayer(
        config.width, config.heads, 4 * config.width, 0.0, "gelu", batch_first=True, norm_first=True
    )
    encoder = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
    for ours, theirs in zip(tower.transformer.resblocks, encoder.layers, strict=True):
        ours.mlp.gelu = nn.GELU()
        pairs = {
            "self_attn": ours.attn,
            "linear1": ours.mlp.c_fc,
            "linear2": ours.mlp.c_proj,
            "norm1": ours.ln_1,
            "norm2": ours.ln_2,
        }
        for name, module in pairs.items():
            theirs.get_submodule(name).load_state_dict(module.state_dict())
    expected = []
    for frame in clip.unbind(2):
        patches = nn.functional.conv2d(frame, tower.conv1.weight[:, :, 0], stride=4)
        cls = tower.class_embedding.expand(len(clip), 1, -1)
        tokens = torch.cat([cls, patches.flatten(2).mT], 1) + tower.positional_embedding
        last = encoder.train()(tower.ln_pre(tokens))
        expected.append(tower.ln_post(last[:, 0]) @ tower.proj)
    torch.testing.assert_close(tower(clip), torch.stack(expected, 1), rtol=1e-4, atol=1e-5)


def test_frames_do_not_see_each_other_and_cls_is_their_mean(debug_tower):
    clip = random_clip(debug_tower)
    with torch.inference_mode():
        whole = debug_tower(clip)
        apart = torch.cat([debug_tower(clip[:, :, i : i + 1]) for i in range(4)], 1)
        torch.testing.assert_close(whole, apart, rtol=1e-4, atol=1e-5)
        still = clip[:, :, :1].expand(-1, -1, 4, -1, -1)
        one, four = (debug_tower.targets(c).targets for c in (clip[:, :, :1], still))
    torch.testing.assert_close(four[:, :, 0], one[:, :, 0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(four[:, :, 1:17], one[:, :, 1:], rtol=1e-4, atol=1e-5)


def test_attention_is_what_patches_get_of_one(debug_tower):
    clip = random_clip(debug_tower)
    with torch.inference_mode():
        found = debug_tower.targets(clip, attention=True)
    assert found.targets.shape == (1, 2, 1 + 4 * 16, 16)
    assert found.attention.shape == (2, 4, 16)
    assert (found.attention > 0).all()
    assert (found.attention.sum(-1) < 1).all()
    torch.testing.assert_close(found.targets.norm(dim=-1), torch.ones(1, 2, 65))


def test_layers_and_the_interval_between_them(debug_tower):
    clip = random_clip(debug_tower)
    with torch.inference_mode():
        every = debug_tower.targets(clip, layers=3).targets
        second = debug_tower.targets(clip, layers=2, interval=2).targets
        last = debug_tower.targets(clip).targets
    torch.testing.assert_close(second, every[[0, 2]])
    torch.testing.assert_close(last, every[2:])
    assert aligned_layers(32, 6, 2) == (21, 23, 25, 27, 29, 31)


def test_tubelets_and_rectangles():
    tower = create_model("clip_tower_debug", tubelet=2, image_size=(8, 16)).eval()
    with torch.inference_mode():
        assert tower.targets(random_clip(tower)).targets.shape == (1, 2, 1 + 2 * 2 * 4, 16)


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"image_size": 30}, "multiple of 4"), ({"heads": 5}, "24 can't be shared by 5 heads")],
)
def test_impossible_configurations_are_one_sentence(fields, message):
    with pytest.raises(ValueError, match=message):
        create_model("clip_tower_debug", **fields)


@pytest.mark.parametrize("shape", [(1, 3, 4, 16, 32), (1, 3, 16, 16), (1, 1, 4, 16, 16)], ids=str)
def test_a_wrong_clip_is_one_sentence(debug_tower, shape):
    with pytest.raises(ValueError, match=r"\(B, 3, T, 16, 16\), got"):
        debug_tower(torch.zeros(shape))


@pytest.mark.parametrize(("layers", "interval"), [(4, 1), (2, 3), (0, 1), (1, 0)])
def test_layers_there_are_not(debug_tower, layers, interval):
    with pytest.raises(ValueError, match="were asked for of 3"):
        debug_tower.targets(random_clip(debug_tower), layers, interval)
