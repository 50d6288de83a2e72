"""TimeSformer and ViViT against the `transformers` library, through files of its layout."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.models import model_config
from analysis.weights import WeightsError
from analysis.weights.attention_models import from_transformers, load_attention_model

transformers = pytest.importorskip("transformers")

SIZES = {"width": 24, "heads": 3, "depth": 3, "num_classes": 5, "image_size": 32, "patch_size": 8}
SHARED = {
    "image_size": 32,
    "num_frames": 4,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "intermediate_size": 96,
    "num_labels": 5,
}
ARCHITECTURES = ("timesformer_tiny_divided", "timesformer_tiny_joint", "vivit_tiny_joint")


def peer(architecture):
    """A classifier of `transformers`, every tensor of it random."""
    if architecture.startswith("vivit"):
        config = transformers.VivitConfig(**SHARED, tubelet_size=[2, 8, 8])
        model = transformers.VivitForVideoClassification(config)
    else:
        kind = architecture.removeprefix("timesformer_tiny_")
        config = transformers.TimesformerConfig(
            **SHARED, patch_size=8, attention_type=f"{kind}_space_time"
        )
        model = transformers.TimesformerForVideoClassification(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3, generator=generator)
    return model.eval()


def load(path, architecture, **overrides):
    return load_attention_model(
        path / "model.safetensors", architecture, **SIZES, num_frames=4, **overrides
    )


@pytest.mark.parametrize("kernel", ["softmax", "sdpa"])
@pytest.mark.parametrize(
    ("dtype", "bound"), [(torch.float32, 1e-5), (torch.float64, 1e-10)], ids=["single", "double"]
)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_equal_those_of_transformers(tmp_path, architecture, dtype, bound, kernel):
    theirs = peer(architecture)
    theirs.save_pretrained(tmp_path)
    ours = load(tmp_path, architecture, attention_kernel=kernel).to(dtype)
    clip = torch.randn(2, 3, 4, 32, 32, generator=torch.Generator().manual_seed(1), dtype=dtype)
    with torch.inference_mode():
        expected = theirs.to(dtype)(clip.transpose(1, 2)).logits
        found = ours(clip)
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=bound, atol=bound)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_tensor_has_a_place(tmp_path, architecture):
    theirs = peer(architecture)
    theirs.save_pretrained(tmp_path)
    ours = load(tmp_path, architecture)
    count = sum(parameter.numel() for parameter in theirs.parameters())
    assert sum(parameter.numel() for parameter in ours.parameters()) == count
    assert not ours.training


def test_base_sizes_are_the_published_ones():
    """The library's defaults are the published base models."""
    for architecture, config in (
        ("timesformer_base_divided", transformers.TimesformerConfig()),
        ("vivit_base_joint", transformers.VivitConfig()),
    ):
        ours = model_config(architecture)
        assert (ours.width, ours.heads, ours.depth) == (
            config.hidden_size,
            config.num_attention_heads,
            config.num_hidden_layers,
        )
        assert ours.mlp_ratio * ours.width == config.intermediate_size
    assert ours.tubelet == config.tubelet_size[0]


BAD_FILES = {
    "a_key_less": (
        lambda state: {k: v for k, v in state.items() if "temporal_dense.bias" not in k},
        r"lacks blocks\.0\.temporal_fc\.bias \(and 2 more such keys\)",
    ),
    "a_key_more": (
        lambda state: {**state, "timesformer.encoder.layer.0.extra.weight": torch.zeros(2)},
        r"the model has no encoder\.layer\.0\.extra\.weight",
    ),
    "other_frames": (
        lambda state: {**state, "timesformer.embeddings.time_embeddings": torch.zeros(1, 8, 24)},
        r"time_embed is \(1, 8, 24\) in the file and \(1, 4, 24\) in the model",
    ),
    "another_model": (
        lambda state: {"head.weight": torch.zeros(2, 2)},
        "neither a TimeSformer nor a ViViT",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_files_that_do_not_fit_are_one_sentence(tmp_path, case):
    change, message = BAD_FILES[case]
    peer("timesformer_tiny_divided").save_pretrained(tmp_path)
    state = change(load_file(tmp_path / "model.safetensors"))
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match=message) as caught:
        load(tmp_path, "timesformer_tiny_divided")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "overrides", "message"),
    [
        ("videomamba_tiny", {}, "videomamba_tiny has no checkpoints in this layout"),
        ("vivit_tiny_joint", {"num_frames": 3}, "3 frames can't be cut into tubelets of 2"),
    ],
)
def test_impossible_models_are_one_sentence(tmp_path, architecture, overrides, message):
    with pytest.raises(WeightsError, match=message):
        load_attention_model(tmp_path / "absent.safetensors", architecture, **overrides)


def test_projections_are_joined_in_the_order_query_key_value():
    prefix = "vivit.encoder.layer.1.attention.attention"
    parts = ("query", "key", "value")
    state = {f"{prefix}.{part}.bias": torch.full((2,), i) for i, part in enumerate(parts)}
    found = from_transformers(state)
    assert found.keys() == {"blocks.1.attn.qkv.bias"}
    assert found["blocks.1.attn.qkv.bias"].tolist() == [0, 0, 1, 1, 2, 2]
