import json
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from analysis.models import UnknownModelError, create_model, list_models, model_config
from analysis.models.videomamba import VideoMamba, VideoMambaConfig
from analysis.ops.scan_order import SCAN_ORDERS
from analysis.ops.selective_scan import use_implementation

GOLDEN = {
    "image": {"image_size": 32, "patch_size": 8, "depth": 4, "width": 32, "num_classes": 10},
    "image_rect_layernorm": {
        "image_size": (16, 24),
        "patch_size": 8,
        "depth": 2,
        "width": 20,
        "num_classes": 5,
        "norm": "layer",
    },
}
DEBUG_MODELS = [name for name in list_models("videomamba") if name.endswith("_debug")]


def golden_model(folder, case):
    model = VideoMamba(VideoMambaConfig(num_frames=None, **GOLDEN[case])).eval()
    model.load_state_dict(load_file(folder / f"{case}.weights.safetensors"), strict=True)
    return model, load_file(folder / f"{case}.io.safetensors")


def random_clip(config, batch=2, seed=0):
    frames = () if config.num_frames is None else (config.num_frames,)
    shape = (batch, config.in_channels, *frames, *config.frame_size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("implementation", "dtype", "rtol"),
    [
        ("naive", torch.float64, 0),
        # The reference is float32 itself, and 1e-5 lies below what float32 resolves after a block
        # whose values reach 13: the bound grows by 1e-6 of a value's size.
        ("naive", torch.float32, 1e-6),
        ("cpu", torch.float32, 1e-6),
    ],
)
@pytest.mark.parametrize("case", GOLDEN)
def test_golden_tokens_blocks_and_logits(golden_folder, case, implementation, dtype, rtol):
    model, io = golden_model(golden_folder, case)
    model, io = model.to(dtype), {name: tensor.to(dtype) for name, tensor in io.items()}
    close = partial(torch.testing.assert_close, rtol=rtol)
    with use_implementation(implementation), torch.inference_mode():
        hidden, residual = model.embed(io["input"]), None
        close(hidden, io["tokens"], atol=1e-5)
        for index, layer in enumerate(model.layers):
            hidden, residual = layer(hidden, residual, model.token_grid)
            close(hidden, io[f"block{index}.hidden"], atol=1e-5)
            close(residual, io[f"block{index}.residual"], atol=1e-5)
        features = model.forward_features(io["input"])
        close(features[:, 0], io["features"], atol=1e-4)
        close(model(io["input"]), io["logits"], atol=1e-4)


def test_golden_video_tokens(golden_folder):
    """The masked student's visible tokens are the video model's tokens without the masked ones."""
    config = VideoMambaConfig(
        width=32, depth=4, num_frames=4, image_size=32, patch_size=8, num_classes=0
    )
    model = VideoMamba(config).eval()
    weights = load_file(golden_folder / "pretrain_last1.weights.safetensors")
    weights["norm_f.weight"] = weights.pop("norm.weight")
    known = {key: value for key, value in weights.items() if not key.startswith("clip_decoder")}
    model.load_state_dict(known, strict=True)
    io = load_file(golden_folder / "pretrain_last1.io.safetensors")
    with torch.inference_mode():
        tokens = model.embed(io["input"])
    visible = tokens[~io["mask"]].view(2, -1, 32)
    torch.testing.assert_close(visible, io["tokens"], rtol=0, atol=1e-5)


def test_golden_distillation(golden_folder):
    weights = load_file(golden_folder / "image_distill.weights.safetensors")
    io = load_file(golden_folder / "image_distill.io.safetensors")
    shared = {"num_frames": None, "image_size": 32, "patch_size": 8, "depth": 3, "num_classes": 10}
    configs = {
        "student": VideoMambaConfig(width=32, distill_width=24, **shared),
        "teacher": VideoMambaConfig(width=24, **shared),
    }
    unit = {}
    for role, config in configs.items():
        model = VideoMamba(config).eval()
        prefix = f"{role}."
        model.load_state_dict(
            {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        )
        with torch.inference_mode():
            features = model.forward_features(io["input"])
            unit[role] = model.distill_features(features)
            logits = model.head(model.readout(features))
        torch.testing.assert_close(unit[role], io[f"{role}_feats"], rtol=0, atol=1e-5)
        torch.testing.assert_close(logits, io[f"{role}_logits"], rtol=0, atol=1e-4)
    loss = (2 - 2 * (unit["student"] * unit["teacher"]).sum(-1)).mean()
    torch.testing.assert_close(loss, io["distill_loss"], rtol=0, atol=1e-5)


PUBLISHED_SIZES = {"t": "tiny", "s": "small", "m": "middle", "b": "base"}


def manifest_entries():
    folder = Path(__file__).parents[2] / "data/golden/manifest"
    for kind in ("image", "video"):
        for key, entry in json.loads((folder / f"{kind}.json").read_text()).items():
            yield pytest.param(kind, entry, id=key)


@pytest.mark.parametrize(("kind", "entry"), list(manifest_entries()))
def test_state_dict_equals_the_published_manifest(kind, entry):
    infix = "image_" if kind == "image" else ""
    suffix = "_distill" if "distillation" in entry["model"] else ""
    name = f"videomamba_{infix}{PUBLISHED_SIZES[entry['size']]}{suffix}"
    fields = {"image_size": entry["img_size"], "num_classes": entry["num_classes"]}
    if kind == "video":
        fields["num_frames"] = entry["num_frames"]
    with torch.device("meta"):
        model = create_model(name, **fields)
    shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
    assert shapes == entry["keys"]
    assert sum(p.numel() for p in model.parameters()) == entry["n_parameters"]


@pytest.mark.parametrize("name", DEBUG_MODELS)
@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_every_order_runs_and_batches_are_independent(name, scan_order):
    model = create_model(name, scan_order=scan_order).eval()
    clip = random_clip(model.config)
    with torch.inference_mode():
        together = model(clip)
        apart = torch.cat([model(clip[:1]), model(clip[1:])])
    assert together.shape == (2, model.config.num_classes)
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_float32_equals_float64(scan_order):
    model = create_model("videomamba_debug", scan_order=scan_order).eval()
    clip = random_clip(model.config)
    with torch.inference_mode():
        fast = model(clip)
        exact = model.double()(clip.double())
    torch.testing.assert_close(fast.double(), exact, rtol=0, atol=1e-5)


def test_orders_differ_and_setting_one_back_restores_the_answer():
    model = create_model("videomamba_debug").eval()
    clip = random_clip(model.config)
    with torch.inference_mode():
        first = model(clip)
        for scan_order in SCAN_ORDERS[1:]:
            model.set_scan_order(scan_order)
            assert (model(clip) - first).abs().max() > 1e-6, scan_order
        model.set_scan_order("spatial_first")
        assert torch.equal(model(clip), first)


def test_one_frame_makes_token_orders_equal():
    """With a single frame temporal_first reads the same sequence as spatial_first."""
    model = create_model("videomamba_image_debug").eval()
    clip = random_clip(model.config)
    with torch.inference_mode():
        first = model(clip)
        model.set_scan_order("temporal_first")
        assert torch.equal(model(clip), first)


def test_last_forward_rates_have_no_influence_on_a_cls_readout():
    """CLS stands first: in the last block its forward scan sees nothing but itself (spec)."""
    model = create_model("videomamba_debug").eval()
    model(random_clip(model.config)).sum().backward()
    last = model.layers[-1].mixer
    assert last.A_log.grad.abs().max() == 0
    assert last.A_b_log.grad.abs().max() > 0


def test_mean_readout_is_the_mean_over_patches():
    model = create_model("videomamba_debug", readout="mean").eval()
    clip = random_clip(model.config)
    with torch.inference_mode():
        expected = model.head(model.forward_features(clip)[:, 1:].mean(1))
        torch.testing.assert_close(model(clip), expected)


def test_tubelets_equal_the_convolution():
    model = create_model("videomamba_debug", tubelet=2).eval()
    clip = random_clip(model.config)
    with torch.inference_mode():
        expected = model.patch_embed.proj(clip).flatten(3).permute(0, 2, 3, 1)
        torch.testing.assert_close(model.patch_embed(clip), expected, rtol=1e-5, atol=1e-5)


def test_published_initialisation():
    model = create_model("videomamba_tiny", depth=2)
    mixer = model.layers[0].mixer
    assert not model.cls_token.any()
    assert not model.temporal_pos_embedding.any()
    assert not mixer.dt_proj.bias.any()
    assert not mixer.dt_proj_b.bias.any()
    assert mixer.in_proj.weight.std().item() == pytest.approx(0.02, rel=0.05)
    bound = (1 / mixer.out_proj.in_features) ** 0.5 / 2**0.5
    assert mixer.out_proj.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    torch.testing.assert_close(
        mixer.A_log.exp(), torch.arange(1.0, 17).repeat(mixer.inner_width, 1)
    )


def test_drop_path_acts_in_training_only():
    model = create_model("videomamba_debug", drop_path_rate=0.9)
    clip = random_clip(model.config)
    # Unseeded, every fifth pair of draws at this rate was alike.
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        model.eval()
        assert torch.equal(model(clip), model(clip))
        model.train()
        assert not torch.equal(model(clip), model(clip))


def test_unknown_names_answer_with_the_nearest():
    with pytest.raises(UnknownModelError, match="videomamba_tiny"):
        create_model("videomamba_tinny")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"readout": "max"}, "choose cls or mean"),
        ({"scan_order": "zigzag"}, "unknown scan order 'zigzag'"),
        ({"image_size": 30}, "multiple of 4"),
        ({"tubelet": 3}, "multiple of 3"),
        ({"norm": "batch"}, "choose rms or layer"),
    ],
)
def test_impossible_configurations_say_what_would_do(fields, message):
    with pytest.raises(ValueError, match=message):
        create_model("videomamba_debug", **fields)


def test_wrong_clip_size_is_one_sentence():
    model = create_model("videomamba_debug")
    with pytest.raises(ValueError, match=r"\(B, 3, 4, 16, 16\), got \(1, 3, 8, 16, 16\)"):
        model(torch.zeros(1, 3, 8, 16, 16))


def test_registry_knows_the_family():
    assert set(DEBUG_MODELS) == {"videomamba_debug", "videomamba_image_debug"}
    assert model_config("videomamba_small", num_frames=16).token_grid.length == 1 + 16 * 14 * 14
