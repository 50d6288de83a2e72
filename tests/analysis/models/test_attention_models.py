"""Attention models against what their arrangements imply, without another implementation.

`tests/analysis/weights/test_attention_models.py` compares them with the `transformers` library.
"""

import pytest
import torch

from analysis.models import create_model, list_models, model_config
from analysis.models.timesformer import DividedBlock
from analysis.ops.attention import ATTENTION_KERNELS

SMALL = {
    "width": 24,
    "heads": 3,
    "depth": 2,
    "num_classes": 5,
    "image_size": 16,
    "patch_size": 4,
    "num_frames": 4,
}
NAMES = tuple(
    name
    for family in ("timesformer", "vivit", "vit")
    for name in list_models(family)
    if "_tiny" in name
)
JOINT = ("timesformer_tiny_joint", "vivit_tiny_joint")


def small(name, **overrides):
    """A small model in float64, every tensor of it random."""
    model = create_model(name, **{**SMALL, **overrides}).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3, generator=generator)
    return model.eval()


def random_clip(frames=4, batch=2, side=16):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, 3, frames, side, side, generator=generator, dtype=torch.float64)


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_kernels_give_the_same_logits(name):
    plain, fused = (small(name, attention_kernel=kernel) for kernel in ATTENTION_KERNELS)
    with torch.inference_mode():
        close(plain(random_clip()), fused(random_clip()))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter(name):
    model = small(name)
    model(random_clip()).square().sum().backward()
    assert not {name for name, p in model.named_parameters() if not p.grad.abs().max() > 1e-9}


@pytest.mark.parametrize("name", NAMES)
def test_fresh_models_answer_and_divided_blocks_begin_as_those_of_images(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model(name, **SMALL)
    assert torch.isfinite(model(random_clip().float())).all()
    for number, block in enumerate(model.blocks):
        if isinstance(block, DividedBlock):
            assert block.temporal_fc.weight.any() == (number == 0)


def swapped(model, order):
    """The model with its tables of patch positions in another order."""
    with torch.no_grad():
        model.pos_embed[:, 1:] = model.pos_embed[:, 1:][:, order]
    return model


@pytest.mark.parametrize("name", JOINT)
def test_joint_attention_knows_places_by_their_positions_only(name):
    """Patches and their positions moved together leave the answer as it is, patches alone not."""
    sides = {"image_size": 8, "tubelet": 1}
    clip = random_clip(side=8)
    order = torch.tensor([3, 0, 2, 1])
    grid = clip.unflatten(4, (2, 4)).unflatten(3, (2, 4)).permute(0, 1, 2, 3, 5, 4, 6)
    moved = grid.flatten(3, 4)[:, :, :, order].unflatten(3, (2, 2)).permute(0, 1, 2, 3, 5, 4, 6)
    moved = moved.flatten(5, 6).flatten(3, 4)
    model = small(name, **sides)
    frames = 4 if name.startswith("vivit") else 1
    table = torch.cat([order + 4 * frame for frame in range(frames)])
    with torch.inference_mode():
        expected = model(clip)
        assert (model(moved) - expected).abs().max() > 1e-3
        close(swapped(model, table)(moved), expected)


def test_frames_of_a_plain_transformer_are_independent():
    model = small("vit_tiny")
    clip = random_clip()
    one_by_one = small("vit_tiny", num_frames=1)
    with torch.inference_mode():
        parts = [one_by_one(clip[:, :, frame : frame + 1]) for frame in range(4)]
        close(model(clip), torch.stack(parts).mean(0))
        close(model(clip.flip(2)), model(clip))


def test_divided_attention_of_one_frame_is_a_linear_layer_and_attention_within():
    """Along one frame nothing is mixed: values pass through the two projections as they are."""
    block = small("timesformer_tiny_divided").blocks[0]
    tokens = torch.randn(2, 9, 24, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with torch.inference_mode():
        patches = tokens[:, 1:]
        values = block.temporal_attn.qkv(block.temporal_norm1(patches))[..., 48:]
        patches = patches + block.temporal_fc(block.temporal_attn.proj(values))
        joint = super(DividedBlock, block).forward(torch.cat([tokens[:, :1], patches], 1))
        close(block(tokens, 1), joint)


def test_divided_attention_mixes_along_time_at_one_place_only():
    """Before anything is gathered within frames, a patch hears of its own place alone."""
    block = small("timesformer_tiny_divided").blocks[0]
    patches = torch.randn(1, 4, 6, 24, dtype=torch.float64, requires_grad=True)
    gradient = torch.autograd.grad(block._along_time(patches)[0, 1, 2].sum(), patches)[0]
    assert [place for place in range(6) if gradient[0, :, place].any()] == [2]
    assert all(gradient[0, frame, 2].any() for frame in range(4))


def test_the_factorised_encoder_looks_at_moments_by_themselves():
    """Its answer is the temporal encoder's of moments that were encoded one at a time."""
    model = small("vivit_tiny_factorised")
    alone = small("vivit_tiny_factorised", num_frames=2)
    clip, heard = random_clip(), []
    alone.load_state_dict(
        {k: v[:, :2] if k == "temporal.pos_embed" else v for k, v in model.state_dict().items()}
    )
    alone.temporal.register_forward_pre_hook(lambda module, given: heard.append(given[0]))
    with torch.inference_mode():
        for first in (0, 2):
            alone(clip[:, :, first : first + 2])
        close(model.head(model.temporal(torch.cat(heard, dim=1))), model(clip))
        assert (model(clip) - model(clip.roll(2, dims=2))).abs().max() > 1e-3


BLOCK = lambda d: 12 * d * d + 13 * d  # noqa: E731  4 DxD, 2 Dx4D, biases, two norms
PARAMETERS = {
    "vit": lambda d, k, t, n, p: BLOCK(d) * k + (n + 1) * d + p * d,
    "timesformer_joint": lambda d, k, t, n, p: BLOCK(d) * k + (n + 1 + t) * d + p * d,
    "timesformer_divided": lambda d, k, t, n, p: (
        (BLOCK(d) + 5 * d * d + 7 * d) * k + (n + 1 + t) * d + p * d
    ),
    "vivit_joint": lambda d, k, t, n, p: BLOCK(d) * k + (t // 2 * n + 1) * d + 2 * p * d,
    "vivit_factorised": lambda d, k, t, n, p: (
        BLOCK(d) * (k + 4) + (n + 1 + t // 2 + 1) * d + 2 * p * d + d + 2 * d
    ),
}
SIZES = {
    "tiny": (192, 12, 16),
    "small": (384, 12, 16),
    "base": (768, 12, 16),
    "l14": (1024, 24, 14),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", PARAMETERS)
def test_parameters_by_hand(kind, size):
    family, _, arrangement = kind.partition("_")
    name = "_".join(part for part in (family, size, arrangement) if part)
    with torch.device("meta"):
        model = create_model(name, num_frames=16)
    width, depth, patch = SIZES[size]
    cls_stem_bias_norm = 4 * width
    head = 400 * width + 400
    places, pixels = (224 // patch) ** 2, 3 * patch**2
    expected = PARAMETERS[kind](width, depth, 16, places, pixels) + cls_stem_bias_norm + head
    assert sum(p.numel() for p in model.parameters()) == expected


@pytest.mark.parametrize(
    ("name", "millions"),
    [("timesformer_base_joint", 85.9), ("timesformer_base_divided", 121.4)],
)
def test_parameters_the_timesformer_paper_prints(name, millions):
    """Table 1 of arXiv 2102.05095; it does not say whether a head is counted (0.3 million)."""
    with torch.device("meta"):
        model = create_model(name)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.3)


IMPOSSIBLE = {
    "heads": ({"heads": 5}, "a width of 24 can't be shared by 5 heads"),
    "kernel": ({"attention_kernel": "flash"}, "choose softmax or sdpa"),
    "arrangement": ({"arrangement": "axial"}, "unknown arrangement 'axial'; choose joint or"),
    "size": ({"image_size": 18}, "18x18 pixels can't be cut into patches of 4"),
}


@pytest.mark.parametrize("name", ["timesformer_tiny_joint", "vivit_tiny_factorised"])
@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_models_are_one_sentence(name, case):
    fields, message = IMPOSSIBLE[case]
    with pytest.raises(ValueError, match=message):
        model_config(name, **{**SMALL, **fields})


@pytest.mark.parametrize("name", NAMES)
def test_clips_of_another_size_are_one_sentence(name):
    with pytest.raises(ValueError, match=r"takes clips of shape \(B, 3, 4, 16, 16\), got"):
        small(name)(random_clip(frames=6))
