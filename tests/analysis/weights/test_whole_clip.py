"""Whole CLIPs against those of `transformers`, and from the layouts they come in."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from analysis.models import create_model
from analysis.models.clip import ClipConfig
from analysis.models.clip_tower import ClipTowerConfig
from analysis.weights import WeightsError
from analysis.weights.clip_layouts import count_words, whole_clip_tensors
from analysis.weights.reading import read_checkpoint
from analysis.weights.whole_clip import load_clip, told_clip

TOWER = ClipTowerConfig(32, 8, width=32, layers=3, heads=4, output_dim=16)
SIZES = {"text_width": 24, "text_layers": 2, "text_heads": 3}
OURS = ClipConfig(TOWER, vocabulary_size=40, context_length=9, **SIZES)
FIELDS = {"tower": TOWER, "vocabulary_size": 40, "context_length": 9, **SIZES}


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def random_clip(activation):
    transformers = pytest.importorskip("transformers")
    vision = {
        "hidden_size": 32,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": 32,
        "patch_size": 8,
        "hidden_act": activation,
    }
    text = {
        "hidden_size": 24,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "vocab_size": 40,
        "max_position_embeddings": 9,
        "eos_token_id": 39,
        "bos_token_id": 38,
        "pad_token_id": 0,
        "hidden_act": activation,
    }
    config = transformers.CLIPConfig(vision_config=vision, text_config=text, projection_dim=16)
    model = transformers.CLIPModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2, generator=seeded(0))
        model.logit_scale.fill_(2.0)
    return model.eval()


@pytest.fixture(scope="module")
def theirs():
    return random_clip("quick_gelu")


@pytest.fixture
def texts():
    tokens = torch.randint(1, 38, (4, 9), generator=seeded(1))
    for row, end in enumerate((2, 4, 7, 8)):
        tokens[row, end] = 39
        tokens[row, end + 1 :] = 0
    return tokens


def test_logits_equal_those_of_transformers(tmp_path, theirs, texts):
    theirs.save_pretrained(tmp_path)
    ours = load_clip(tmp_path / "model.safetensors", "clip_b16", **FIELDS)
    assert ours.config == OURS and not ours.training
    pictures = torch.randn(3, 3, 32, 32, generator=seeded(2))
    with torch.inference_mode():
        expected = theirs(pixel_values=pictures, input_ids=texts)
        torch.testing.assert_close(
            ours(pictures, texts), expected.logits_per_image, rtol=1e-4, atol=1e-4
        )
        torch.testing.assert_close(
            ours.encode_texts(texts), expected.text_embeds, rtol=1e-4, atol=1e-5
        )


def test_sizes_heads_and_the_activation_of_both_towers_are_told_by_the_file(tmp_path, texts):
    theirs = random_clip("gelu")
    theirs.save_pretrained(tmp_path)
    state = read_checkpoint(tmp_path / "model.safetensors")
    assert count_words(state) == count_words(whole_clip_tensors(state)) == 40
    ours = told_clip(state, tmp_path)
    assert ours.config == replace(OURS, tower=replace(TOWER, activation="gelu"))
    pictures = torch.randn(3, 3, 32, 32, generator=seeded(2))
    with torch.inference_mode():
        expected = theirs(pixel_values=pictures, input_ids=texts)
        torch.testing.assert_close(
            ours.encode_texts(texts), expected.text_embeds, rtol=1e-4, atol=1e-5
        )
        torch.testing.assert_close(
            ours.encode_pictures(pictures), expected.image_embeds, rtol=1e-4, atol=1e-5
        )


def test_openais_layout_comes_back(tmp_path):
    saved = create_model("clip_mini")
    state = saved.state_dict()
    stem = state["visual.conv1.weight"][:, :, 0].contiguous()
    facts = {"context_length": torch.tensor(24), "vocab_size": torch.tensor(64)}
    save_file({**state, "visual.conv1.weight": stem, **facts}, tmp_path / "clip.safetensors")
    loaded = load_clip(tmp_path / "clip.safetensors", "clip_mini")
    for key, value in state.items():
        assert torch.equal(loaded.state_dict()[key], value), key


def test_the_shipped_one_loads_and_its_pictures_can_be_larger():
    loaded = load_clip("clip_mini.pictures", "clip_mini", image_size=96)
    assert loaded.visual.positional_embedding.shape == (1 + 12 * 12, 128)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: {k: v for k, v in state.items() if "visual" in k}, "holds no text tower"),
        (lambda state: {k: v for k, v in state.items() if "ln_final" not in k}, "lacks ln_final"),
        (lambda state: {"token_embedding.weight": torch.zeros(2, 2)}, "holds no visual tower"),
        (lambda state: {**state, "text_projection": torch.zeros(2, 2)}, r"text_projection is \(2"),
    ],
    ids=["tower_only", "no_norm", "texts_only", "width"],
)
def test_files_that_do_not_fit_are_one_sentence(tmp_path, change, message):
    save_file(change(create_model("clip_mini").state_dict()), tmp_path / "clip.safetensors")
    with pytest.raises(WeightsError, match=message):
        load_clip(tmp_path / "clip.safetensors", "clip_mini")
