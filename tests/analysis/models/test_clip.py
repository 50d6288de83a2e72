"""CLIP's two towers: published sizes and names, the text tower against torch's own layers."""

import pytest
import torch
from torch import nn

from analysis.models import create_model, model_config


@pytest.fixture(scope="module")
def clip():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model("clip_mini").double().eval()
        nn.init.normal_(model.token_embedding.weight)
    return model


@pytest.fixture(scope="module")
def tokens():
    generator = torch.Generator().manual_seed(1)
    numbers = torch.randint(1, 63, (5, 24), generator=generator)
    for row, end in enumerate((3, 6, 7, 20, 23)):
        numbers[row, end] = 63
    return numbers


def test_the_published_model_has_its_published_size_and_names():
    with torch.device("meta"):
        model = create_model("clip_b16")
    # OpenAI's ViT-B/16, counted from its published tensors.
    assert sum(p.numel() for p in model.parameters()) == 149_620_737
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert len(shapes) == 302
    assert shapes["visual.conv1.weight"] == (768, 3, 1, 16, 16)
    assert shapes["visual.proj"] == (768, 512)
    assert shapes["positional_embedding"] == (77, 512)
    assert shapes["token_embedding.weight"] == (49408, 512)
    assert shapes["transformer.resblocks.11.attn.in_proj_weight"] == (1536, 512)
    assert shapes["transformer.resblocks.0.mlp.c_fc.weight"] == (2048, 512)
    assert shapes["ln_final.weight"] == (512,)
    assert shapes["text_projection"] == (512, 512) and shapes["logit_scale"] == ()


def test_the_mini_tower_is_that_of_the_mini_model():
    assert model_config("clip_mini").tower == model_config("clip_tower_mini")


def test_texts_go_through_layers_like_torchs(clip, tokens):
    config = clip.config
    x = clip.token_embedding(tokens) + clip.positional_embedding
    later = torch.triu(torch.ones(24, 24, dtype=torch.bool), 1)
    for block in clip.transformer.resblocks:
        layer = nn.TransformerEncoderLayer(
            config.text_width,
            config.text_heads,
            4 * config.text_width,
            activation=lambda x: x * torch.sigmoid(1.702 * x),
            norm_first=True,
            batch_first=True,
            dtype=torch.float64,
        )
        names = {
            **{"norm1": block.ln_1, "norm2": block.ln_2, "self_attn": block.attn},
            **{"linear1": block.mlp.c_fc, "linear2": block.mlp.c_proj},
        }
        for name, module in names.items():
            layer.get_submodule(name).load_state_dict(module.state_dict())
        # In training mode without dropout: evaluation mode takes a path with its own activation.
        layer.dropout.p = layer.dropout1.p = layer.dropout2.p = layer.self_attn.dropout = 0.0
        x = layer(x, src_mask=later)
    ends = (tokens == 63).nonzero()[:, 1]
    expected = clip.ln_final(x)[torch.arange(5), ends] @ clip.text_projection
    expected = expected / expected.norm(dim=1, keepdim=True)
    torch.testing.assert_close(clip.encode_texts(tokens), expected, rtol=0, atol=1e-12)


def test_what_follows_the_end_of_a_text_does_not_matter(clip, tokens):
    other = tokens.clone()
    for row, end in enumerate((3, 6, 7, 20, 23)):
        other[row, end + 1 :] = 0
    torch.testing.assert_close(
        clip.encode_texts(other), clip.encode_texts(tokens), rtol=0, atol=1e-12
    )
    other[:, 1] = 1 + other[:, 1] % 62
    assert (clip.encode_texts(other) - clip.encode_texts(tokens)).abs().amax(1).min() > 1e-3


def test_a_shorter_row_means_the_same(clip, tokens):
    short = tokens[:3, :9]
    torch.testing.assert_close(
        clip.encode_texts(short), clip.encode_texts(tokens[:3]), rtol=0, atol=1e-12
    )


def test_logits_are_scaled_cosines(clip, tokens):
    pictures = torch.randn(
        2, 3, 64, 64, generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    with torch.no_grad():
        seen, read = clip.visual(pictures[:, :, None])[:, 0], clip.encode_texts(tokens)
        expected = nn.functional.cosine_similarity(seen[:, None], read[None], dim=-1) / 0.07
        torch.testing.assert_close(clip(pictures, tokens), expected, rtol=1e-6, atol=0)


def test_the_scale_ends_at_100():
    model = create_model("clip_mini")
    with torch.no_grad():
        model.logit_scale.fill_(9.0)
    assert model.scale.item() == 100.0
