"""CLIP's tower from files of `transformers`, open_clip and OpenAI, and what stands beside them."""

import json
import warnings

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from analysis.layers.token_grid import TokenGrid
from analysis.models import create_model
from analysis.weights import WeightsError
from analysis.weights.clip import load_clip_tower, read_clip_file
from analysis.weights.clip_layouts import beside_tower, tower_tensors

SIZES = {"image_size": 32, "patch_size": 8, "width": 32, "layers": 3, "heads": 4, "output_dim": 16}
GRID = TokenGrid(2, 4, 4)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def their_config(transformers, **changes):
    fields = {
        "hidden_size": 32,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": 32,
        "patch_size": 8,
        "projection_dim": 16,
    }
    return transformers.CLIPVisionConfig(**{**fields, **changes})


def peer(kind="CLIPVisionModelWithProjection", attention="sdpa", **changes):
    """A model of `transformers`, every tensor of it random."""
    transformers = pytest.importorskip("transformers")
    config = their_config(transformers, **changes)
    if kind == "CLIPModel":
        text = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
        config = transformers.CLIPConfig(
            vision_config=config.to_dict(),
            text_config={**text, "num_attention_heads": 2, "vocab_size": 32},
            projection_dim=16,
        )
    model = getattr(transformers, kind)._from_config(config, attn_implementation=attention)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2, generator=seeded())
    return model.eval()


@pytest.fixture
def tower():
    """With tensors that no other has."""
    tower = create_model("clip_tower_debug", **SIZES)
    with torch.no_grad():
        for parameter in tower.parameters():
            parameter.normal_(std=0.2, generator=seeded(5))
    return tower.eval()


@pytest.fixture
def frames():
    return torch.randn(2, 3, 32, 32, generator=seeded(1), dtype=torch.float64)


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
@pytest.mark.parametrize(
    ("dtype", "bound"), [(torch.float32, 1e-5), (torch.float64, 1e-10)], ids=["single", "double"]
)
def test_states_and_targets_equal_those_of_transformers(tmp_path, frames, dtype, bound, activation):
    theirs = peer(hidden_act=activation)
    theirs.save_pretrained(tmp_path)
    ours = read_clip_file(tmp_path / "model.safetensors").tower(GRID, 2).to(dtype)
    frames = frames.to(dtype)
    clip = frames.transpose(0, 1)[None]
    with torch.inference_mode():
        expected = theirs.to(dtype)(frames, output_hidden_states=True)
        tokens = ours.embed(clip)
        for state, block in zip(expected.hidden_states, ours.transformer.resblocks, strict=False):
            close(tokens, state, bound)
            tokens, _ = block(tokens)
        close(tokens, expected.hidden_states[-1], bound)
        close(ours(clip)[0], expected.image_embeds, bound)
        patches = theirs.visual_projection(expected.hidden_states[-1][:, 1:]).flatten(0, 1)
        close(ours.targets(clip).targets[0, 0, 1:], nn.functional.normalize(patches, dim=-1), bound)


def test_attention_equals_that_of_transformers(tmp_path, frames):
    """Only in single precision: theirs is rounded to it, whatever the model's."""
    theirs = peer(attention="eager")
    theirs.save_pretrained(tmp_path)
    ours = read_clip_file(tmp_path / "model.safetensors").tower(GRID, 2)
    frames = frames.float()
    with torch.inference_mode():
        expected = theirs(frames, output_attentions=True).attentions[-1].mean(1)
        found = ours.targets(frames.transpose(0, 1)[None], attention=True).attention
    close(found[0], expected[:, 0, 1:], 1e-5)


def close(found, expected, bound):
    torch.testing.assert_close(found, expected, rtol=bound, atol=bound)


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_the_tower_of_a_whole_clip(tmp_path, frames, suffix):
    theirs = peer("CLIPModel")
    if suffix == "bin":
        state = {**theirs.state_dict(), "vision_model.embeddings.position_ids": torch.arange(17)}
        torch.save(state, tmp_path / "model.bin")
    else:
        theirs.save_pretrained(tmp_path)
    ours = load_clip_tower(tmp_path / f"model.{suffix}", "clip_tower_debug", **SIZES)
    frames = frames.float()
    with torch.inference_mode():
        expected = theirs.visual_projection(theirs.vision_model(frames).pooler_output)
        close(ours(frames.transpose(0, 1)[None])[0], expected, 1e-5)


def test_a_tower_saved_without_its_projection_is_one_sentence(tmp_path):
    peer("CLIPVisionModel").save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="the file lacks proj"):
        read_clip_file(tmp_path / "model.safetensors")


def whole(state):
    """The layout of OpenAI and open_clip: the tower inside, the parts for texts beside it."""
    inside = {f"visual.{key}": value for key, value in state.items()}
    return {
        **inside,
        "visual.conv1.weight": state["conv1.weight"][:, :, 0].contiguous(),
        "transformer.resblocks.0.ln_1.weight": torch.zeros(8),
        "positional_embedding": torch.zeros(7, 8),
        "logit_scale": torch.zeros(1),
    }


def test_openai_and_open_clip_keep_their_names(tower):
    state = tower_tensors(whole(tower.state_dict()))
    assert set(state) == set(tower.state_dict())
    assert torch.equal(state["positional_embedding"], tower.positional_embedding)


class Script(nn.Module):
    """What OpenAI's archives look like from outside: a module whose tower is called visual."""

    def __init__(self, tower):
        super().__init__()
        self.visual = tower

    def forward(self, x):
        return x


def test_openais_own_archive(tmp_path, tower):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive = torch.jit.trace(Script(tower), torch.zeros(1))
        torch.jit.save(archive, tmp_path / "clip.pt")
    read = read_clip_file(tmp_path / "clip.pt")
    for key, value in tower.state_dict().items():
        assert torch.equal(read.tensors[key], value), key
    content = bytearray((tmp_path / "clip.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "clip.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=r"clip\.pt begins like a PyTorch checkpoint but"):
        read_clip_file(tmp_path / "clip.pt")


BESIDE = {
    "nothing": (None, {}, 1, "quick_gelu"),
    "open_clip": (
        "open_clip_config.json",
        {"model_cfg": {"embed_dim": 16, "vision_cfg": {"head_width": 16}}},
        2,
        "gelu",
    ),
    "open_clip_quick": (
        "open_clip_config.json",
        {"model_cfg": {"vision_cfg": {"head_width": 8}, "quick_gelu": True}},
        4,
        "quick_gelu",
    ),
    "transformers": (
        "config.json",
        {"vision_config": {"num_attention_heads": 8, "hidden_act": "gelu"}},
        8,
        "gelu",
    ),
    "transformers_defaults": ("config.json", {"vision_config": {}}, 1, "quick_gelu"),
}


@pytest.mark.parametrize("case", BESIDE)
def test_what_stands_beside_a_file_tells_heads_and_activation(tmp_path, tower, case):
    name, content, heads, activation = BESIDE[case]
    save_file(whole(tower.state_dict()), tmp_path / "clip.safetensors")
    if name:
        (tmp_path / name).write_text(json.dumps(content))
    config = read_clip_file(tmp_path / "clip.safetensors").config
    assert (config.heads, config.activation) == (heads, activation)
    assert (config.width, config.layers, config.output_dim) == (32, 3, 16)
    assert (config.frame_size, config.patch_size) == ((32, 32), 8)


@pytest.mark.parametrize(
    ("beside", "message"),
    [
        ('{"vision_config": {"hidden_act": "relu"}}', "clip.safetensors can't be used: unknown"),
        ('{"vision_config": {"num_attention_heads": 5}}', "32 can't be shared by 5 heads"),
        ("no JSON", "config.json beside the checkpoint cannot be read"),
    ],
    ids=["activation", "heads", "damaged"],
)
def test_what_cannot_be_is_one_sentence(tmp_path, tower, beside, message):
    save_file(tower.state_dict(), tmp_path / "clip.safetensors")
    (tmp_path / "config.json").write_text(beside)
    with pytest.raises(WeightsError, match=message):
        read_clip_file(tmp_path / "clip.safetensors")


def test_a_file_is_fitted_to_another_grid(tmp_path, tower):
    save_file(tower.state_dict(), tmp_path / "clip.safetensors")
    read = read_clip_file(tmp_path / "clip.safetensors")
    fitted = read.tower(TokenGrid(2, 3, 6), 4)
    assert fitted.config.frame_size == (24, 48)
    assert fitted.positional_embedding.shape == (1 + 3 * 6, 32)
    assert fitted.conv1.weight.shape == (32, 3, 2, 8, 8)
    assert torch.equal(fitted.conv1.weight[:, :, 1], tower.conv1.weight[:, :, 0])
    with pytest.raises(WeightsError, match="5 frames can't be cut into 2 tokens of equal length"):
        read.tower(TokenGrid(2, 4, 4), 5)


def test_golden_tower_by_the_names_of_transformers(golden_folder):
    """The published teacher's tensors, renamed by hand and split, come back as they were."""
    state = load_file(golden_folder / "clip_teacher.weights.safetensors")
    named = {
        "vision_model.embeddings.class_embedding": state["class_embedding"],
        "vision_model.embeddings.patch_embedding.weight": state["conv1.weight"][:, :, 0],
        "vision_model.embeddings.position_embedding.weight": state["positional_embedding"],
        "visual_projection.weight": state["proj"].T,
        "text_projection.weight": torch.zeros(2, 2),
    }
    pairs = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj"}
    pairs |= {"mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    for kind in ("weight", "bias"):
        named[f"vision_model.pre_layrnorm.{kind}"] = state[f"ln_pre.{kind}"]
        named[f"vision_model.post_layernorm.{kind}"] = state[f"ln_post.{kind}"]
        for layer in range(3):
            ours = f"transformer.resblocks.{layer}."
            theirs = f"vision_model.encoder.layers.{layer}."
            parts = state[f"{ours}attn.in_proj_{kind}"].chunk(3)
            for letter, part in zip("qkv", parts, strict=True):
                named[f"{theirs}self_attn.{letter}_proj.{kind}"] = part
            for one, other in pairs.items():
                named[f"{theirs}{other}.{kind}"] = state[f"{ours}{one}.{kind}"]
    assert beside_tower(named) == ("text_projection.weight",) and beside_tower(state) == ()
    found = tower_tensors(named)
    assert set(found) == set(state)
    for key, value in state.items():
        assert torch.equal(found[key].reshape(value.shape), value), key
