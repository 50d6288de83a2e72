"""MoMa's peers over the same frozen tower, against plain loops written from the papers."""

import pytest
import torch
import torch.nn.functional as F

from analysis.models import create_model, list_models
from analysis.models.clip_adapters import FAMILY

NAMES = ("clip_probe", "st_adapter", "aim")
HEAD = {"head.weight", "head.bias"}


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """Nothing here is large enough for a second thread."""


def made(name, disturbed=False, **fields):
    """In float64; disturbed adapters do something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model(f"{name}_debug", **fields).double().eval()
        for parameter in model.parameters():
            if disturbed and parameter.requires_grad:
                parameter.data += 0.2 * torch.randn(parameter.shape, dtype=torch.float64)
    return model


def clips(frames=4, batch=2):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, 3, frames, 32, 32, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", NAMES)
def test_all_begin_as_clip_frame_by_frame(name):
    model, x = made(name), clips()
    with torch.inference_mode():
        expected = F.normalize(model.tower(x).mean(1), dim=-1)
        torch.testing.assert_close(model.encode_clips(x), expected, rtol=0, atol=1e-12)


def spatial(block, tokens):
    """The frozen attention, frame by frame; tokens (B, t, n, D)."""
    batch, frames = tokens.shape[:2]
    out = torch.empty_like(tokens)
    for b in range(batch):
        for t in range(frames):
            normed = block.ln_1(tokens[b, t])[None]
            out[b, t] = block.attn(normed, normed, normed, need_weights=False)[0][0]
    return out


def temporal(block, tokens):
    """The same attention along time, place by place."""
    return spatial(block, tokens.transpose(1, 2)).transpose(1, 2)


def bottleneck(layer, x):
    narrow = x @ layer.down.weight.T + layer.down.bias
    return F.gelu(narrow) @ layer.up.weight.T + layer.up.bias


def aim_layer(layer, block, x):
    """AIM, section 3: along time, within frames, and beside the perceptron, scaled by a half."""
    x = x + bottleneck(layer.after_time, temporal(block, x))
    gathered = spatial(block, x)
    x = x + gathered + bottleneck(layer.after_space, gathered)
    normed = block.ln_2(x)
    return x + block.mlp(normed) + 0.5 * bottleneck(layer.beside_mlp, normed)


def st_layer(layer, block, x):
    """ST-Adapter, equation 2: a depthwise convolution over three frames in a bottleneck."""
    narrow = x[:, :, 1:] @ layer.down.weight.T + layer.down.bias
    moved = torch.zeros_like(narrow) + layer.conv.bias
    for tap in range(3):
        for t in range(x.shape[1]):
            if 0 <= t + tap - 1 < x.shape[1]:
                moved[:, t] += narrow[:, t + tap - 1] * layer.conv.weight[:, 0, tap]
    x = x.clone()
    x[:, :, 1:] += moved @ layer.up.weight.T + layer.up.bias
    x = x + spatial(block, x)
    return x + block.mlp(block.ln_2(x))


@pytest.mark.parametrize(("name", "layer"), [("aim", aim_layer), ("st_adapter", st_layer)])
def test_adapters_do_what_their_papers_say(name, layer):
    model, x = made(name, disturbed=True), clips()
    with torch.inference_mode():
        tokens = model.tower.embed(x).unflatten(0, (2, 4))
        if name == "aim":
            tokens = tokens + model.temporal_embedding[:, :, :, 0]
        for block, own in zip(model.tower.transformer.resblocks, model.adapters, strict=True):
            tokens = layer(own, block, tokens)
        read = model.tower.ln_post(tokens[:, :, 0]) @ model.tower.proj
        expected = F.normalize(read.mean(1), dim=-1)
        found = model.encode_clips(x)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(model(x), model.head(found))
        plain = made("clip_probe").encode_clips(x)
    assert (found - plain).abs().max() > 1e-2


@pytest.mark.parametrize(
    ("name", "sees"), [("clip_probe", False), ("st_adapter", True), ("aim", True)]
)
def test_only_adapters_see_the_order_of_frames(name, sees):
    model, x = made(name, disturbed=True), clips()
    with torch.inference_mode():
        moved = (model.encode_clips(x) - model.encode_clips(x[:, :, [2, 0, 3, 1]])).abs().max()
    assert (moved > 1e-4) if sees else (moved < 1e-12)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        # 64 x 9 weights and 9 biases of the head.
        ("clip_probe", 585),
        # Each of 4 layers: 128 to 64 and back with biases, 3 taps and a bias for 64 channels.
        ("st_adapter", 585 + 4 * (2 * 128 * 64 + 64 + 128 + 4 * 64)),
        # 3 bottlenecks of 32 a layer, a moment of 128 for 8 frames, the last norm.
        ("aim", 585 + 4 * 3 * (2 * 128 * 32 + 32 + 128) + 8 * 128 + 2 * 128),
    ],
)
def test_parameters_trained_by_the_small_models(name, count):
    with torch.device("meta"):
        model = create_model(f"{name}_mini")
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == count


def test_only_adapters_and_head_are_trained():
    for name in NAMES:
        model = made(name)
        named = model.named_parameters()
        trained = {key for key, parameter in named if parameter.requires_grad}
        extra = {"temporal_embedding", "tower.ln_post.weight", "tower.ln_post.bias"}
        outside = {key for key in trained if not key.startswith("adapters.")}
        assert outside == (HEAD | extra if name == "aim" else HEAD)
        inside = {key for key, _ in model.named_parameters() if key.startswith("adapters.")}
        assert trained - outside == inside


@pytest.mark.parametrize("name", ["st_adapter", "aim"])
def test_recomputed_layers_have_the_same_gradients(name):
    gradients = []
    for recompute in (False, True):
        model = made(name, disturbed=True)
        model.checkpoint_layers = recompute
        model(clips()).square().sum().backward()
        gradients.append([p.grad for p in model.parameters() if p.requires_grad])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_frames_are_free_but_for_a_table_of_moments():
    for name in ("clip_probe", "st_adapter"):
        assert made(name)(clips(frames=7)).shape == (2, 5)
    with pytest.raises(ValueError, match="has 4 frames, got a clip of 7"):
        made("aim")(clips(frames=7))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"adapters": "lora"}, "unknown adapters 'lora'; choose none or st_adapter or aim"),
        ({"head": "mlp"}, "unknown head 'mlp'"),
        ({"image_size": 30}, "can't be cut into patches"),
    ],
)
def test_impossible_models_are_one_sentence(fields, message):
    with pytest.raises(ValueError, match=message):
        create_model("clip_probe_debug", **fields)


def test_the_family_is_registered():
    assert set(list_models(FAMILY)) == {f"{n}_{size}" for n in NAMES for size in ("mini", "debug")}
