"""Hosts with adaptors: sizes, the three usages, sharing, and what stays of the host."""

import pytest
import torch

from analysis.layers.adaptor_config import AdaptorConfig
from analysis.models import create_model, list_classifiers, list_models
from analysis.models.mamba_adaptor import (
    FAMILY,
    add_adaptors,
    freeze_host,
    is_adaptor_tensor,
    memories,
    scan_layers,
)
from analysis.ops.scan_order import SCAN_ORDERS
from analysis.ops.token_mask import token_mask

HOSTS = {
    "mamba_adaptor_debug": "vmamba_debug",
    "vim_adaptor_debug": "vim_debug",
    "videomamba_adaptor_debug": "videomamba_debug",
}
SMALL = {"memory_sequences": 2, "memory_locations": 2, "dilations": (1, 2)}
MODELS = pytest.mark.parametrize("name", HOSTS)


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""


def made(name, seed=0, **fields):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return create_model(name, **fields)


def disturbed(model):
    """Every parameter moved, so that adaptors do something."""
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def clips(model, batch=2, seed=0):
    config = model.config
    frames = () if config.num_frames is None else (config.num_frames,)
    shape = (batch, config.in_channels, *frames, *config.frame_size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def on_meta(name, **fields):
    with torch.device("meta"):
        return create_model(name, **fields)


def adaptor_parameters(model):
    return sum(p.numel() for name, p in model.named_parameters() if is_adaptor_tensor(name))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("mamba_adaptor_b1", 7_964_648),
        ("mamba_adaptor_b2", 30_560_552),
        ("mamba_adaptor_b2_wide", 31_190_024),
    ],
)
def test_parameters_of_the_backbones(name, parameters):
    """Section 5, at 1000 classes."""
    assert sum(p.numel() for p in on_meta(name).parameters()) == parameters


@pytest.mark.parametrize(
    ("name", "each", "by_width"),
    [
        ("mamba_adaptor_b2", 311_488, 86_528),
        ("videomamba_adaptor_tiny", 553_728, 23_072),
        ("videomamba_adaptor_small", 1_106_688, 46_112),
        ("videomamba_adaptor_middle", 2_212_864, 69_152),
    ],
)
def test_parameters_of_adaptors_by_sharing(name, each, by_width):
    """The table of section 7."""
    assert adaptor_parameters(on_meta(name, usage="fine_tuning")) == each
    assert adaptor_parameters(on_meta(name, usage="fine_tuning", share="width")) == by_width
    if name.startswith("videomamba"):
        assert adaptor_parameters(on_meta(name, usage="fine_tuning", share="all")) == by_width


@pytest.mark.parametrize(
    ("fields", "parameters"),
    [
        ({}, 60 * 32 + 32),
        ({"memory_sequences": 8, "memory_locations": 16}, 32 * (2 * 128 + 1 + 27) + 2 * 128),
        ({"adaptor_s": False}, 33 * 32 + 32),
        ({"adaptor_t": False}, 27 * 32),
        ({"selection": "learned"}, 44 * 32 + 32),
        ({"selection": "static"}, 44 * 32 + 16),
        ({"coefficients": "uniform"}, 44 * 32 + 16),
        ({"selection": "static", "coefficients": "uniform"}, 28 * 32),
    ],
)
def test_parameters_of_one_adaptor(fields, parameters):
    """E (2 S K + 1 + 9 M) + 2 S K with all parts (section 4), less what a switch leaves out."""
    model = made("vim_debug", depth=1)
    add_adaptors(model, AdaptorConfig(**fields))
    assert adaptor_parameters(model) == parameters


@MODELS
def test_a_booster_starts_as_its_host(name):
    """Section 6: logits equal the host's at step 0."""
    fields = {"usage": "booster"}
    model, host = made(name, **fields).eval(), made(HOSTS[name], seed=1).eval()
    report = model.load_state_dict(host.state_dict(), strict=False)
    assert not report.unexpected_keys
    assert report.missing_keys
    assert all(is_adaptor_tensor(key) for key in report.missing_keys)
    with torch.inference_mode():
        torch.testing.assert_close(model(clips(host)), host(clips(host)), rtol=0, atol=1e-5)


@MODELS
def test_adaptors_change_nothing_about_the_start_of_the_host(name):
    """From one seed the host's own parameters are the same with and without adaptors."""
    state = made(name).state_dict()
    for key, value in made(HOSTS[name]).state_dict().items():
        assert torch.equal(state[key], value)


# A mean over patches, so that nothing in the last layer is left out.
ASKS_ALL_TOKENS = {
    name: {} if "vmamba" in host else {"readout": "mean"} for name, host in HOSTS.items()
}


def two_steps(model, lr=1e-2):
    before = {name: x.clone() for name, x in model.state_dict().items()}
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=lr, weight_decay=0)
    for step in range(2):
        optimizer.zero_grad()
        x = clips(model, seed=step)
        loss = torch.nn.functional.cross_entropy(model(x), torch.tensor([0, 1]))
        loss.backward()
        optimizer.step()
    return {name: not torch.equal(x, before[name]) for name, x in model.state_dict().items()}


@MODELS
@pytest.mark.parametrize("usage", ["backbone", "booster"])
def test_after_two_steps_everything_has_moved(name, usage):
    moved = two_steps(made(name, usage=usage, **ASKS_ALL_TOKENS[name]))
    still = {key for key, changed in moved.items() if not changed}
    assert not still


@MODELS
def test_fine_tuning_leaves_the_host_as_it_is(name):
    """Section 7: adaptors and head alone have gradients and move; the rest stays bit-equal."""
    model = made(name, usage="fine_tuning", **ASKS_ALL_TOKENS[name])
    learned = {
        key
        for key, _ in model.named_parameters()
        if is_adaptor_tensor(key) or key.startswith(("head.", "classifier.head."))
    }
    assert {key for key, p in model.named_parameters() if p.requires_grad} == learned
    assert {key for key, changed in two_steps(model).items() if changed} == learned


@pytest.mark.parametrize("name", ["vim_adaptor_debug", "videomamba_adaptor_debug"])
def test_the_last_adaptor_s_cannot_learn_where_cls_alone_is_asked(name):
    """It leaves CLS as it is, and the last layer's patches reach no answer."""
    model = made(name)
    model(clips(model)).square().sum().backward()
    dead = {key for key, p in model.named_parameters() if not p.grad.abs().max() > 0}
    last = model.config.depth - 1
    kernels = {key for key in dead if ".adaptor_s." in key}
    assert kernels == {f"layers.{last}.mixer.adaptor_s.kernel_{i}" for i in range(2)}


@MODELS
def test_shared_adaptors_are_one_object_with_summed_gradients(name):
    shared, apart = made(name, share="width", **SMALL), made(name, **SMALL)
    layers = list(scan_layers(shared))
    widths = {layer.inner_width for layer in layers}
    for part in ("adaptor_t", "adaptor_s"):
        objects = {id(getattr(layer, part)): layer.inner_width for layer in layers}
        assert sorted(objects.values()) == sorted(widths)
    apart.load_state_dict(shared.state_dict())
    for model in (shared, apart):
        model(clips(model)).square().sum().backward()
    for width in widths:
        same = [layer for layer in scan_layers(apart) if layer.inner_width == width]
        one = next(layer for layer in layers if layer.inner_width == width)
        expected = sum(layer.adaptor_s.kernels[0].grad for layer in same)
        torch.testing.assert_close(one.adaptor_s.kernels[0].grad, expected, rtol=1e-3, atol=1e-6)
        expected = sum(layer.adaptor_t.gamma.grad for layer in same)
        torch.testing.assert_close(one.adaptor_t.gamma.grad, expected, rtol=1e-3, atol=1e-6)


def test_one_adaptor_for_all_layers_or_none():
    layers = list(scan_layers(made("videomamba_adaptor_debug", share="all")))
    assert len({id(layer.adaptor_t) for layer in layers}) == 1 < len(layers)
    with pytest.raises(ValueError, match="8 and 16 and 32 and 64 channels can't be one"):
        made("mamba_adaptor_debug", share="all")


@pytest.mark.parametrize(
    ("name", "directions"), [("videomamba_adaptor_debug", 2), ("mamba_adaptor_debug", 4)]
)
def test_directions_with_memories_of_their_own(name, directions):
    """As many Adaptor-T a layer as it has directions; with the same numbers in all, as one does."""
    shared, own = (made(name, usage="backbone", share_directions=each) for each in (True, False))
    disturbed(shared)
    state = {}
    for key, value in shared.state_dict().items():
        layer, part, rest = key.partition(".adaptor_t.")
        copies = [f"{layer}{part}{number}.{rest}" for number in range(directions)]
        state |= dict.fromkeys(copies if part else [key], value)
    own.load_state_dict(state)
    counts = [
        sum(p.numel() for m in memories(each) for p in m.parameters()) for each in (shared, own)
    ]
    assert counts[1] == directions * counts[0] > 0
    x = clips(shared)
    with torch.inference_mode():
        torch.testing.assert_close(own.eval()(x), shared(x))
        before = own(x)
        for layer in scan_layers(own):
            layer.adaptor_t[directions - 1].gamma.neg_()
        assert (own(x) - before).abs().max() > 1e-6


@MODELS
def test_float32_equals_float64_and_clips_are_independent(name):
    model = disturbed(made(name))
    x = clips(model)
    with torch.inference_mode():
        found = model(x)
        apart = torch.cat([model(x[:1]), model(x[1:])])
        torch.testing.assert_close(found, apart, rtol=1e-4, atol=1e-5)
        exact = model.double()(x.double())
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=1e-4)


SWITCHES = {
    "learned": {"selection": "learned"},
    "static": {"selection": "static"},
    "uniform": {"coefficients": "uniform"},
    "grid": {"locations": "grid"},
    "past": {"memory_range": "past"},
    "own_directions": {"share_directions": False},
    "split": {"branches": "split"},
    "3d": {"kernel": "3d"},
    "without_t": {"adaptor_t": False},
    "without_s": {"adaptor_s": False},
}


@MODELS
@pytest.mark.parametrize("switch", SWITCHES)
def test_every_switch_passes_both_ways_and_matters(name, switch):
    plain, other = (made(name, usage="backbone", **fields) for fields in ({}, SWITCHES[switch]))
    other.load_state_dict(
        {k: v for k, v in plain.state_dict().items() if k in other.state_dict()
         and v.shape == other.state_dict()[k].shape}, strict=False
    )  # fmt: skip
    x = clips(plain)
    with torch.inference_mode():
        apart = (plain.eval()(x) - other.eval()(x)).abs().max()
    # At the start these read the same places with the same coefficients.
    if switch in ("learned", "static", "uniform", "own_directions"):
        assert apart < 1e-6
    else:
        assert apart > 1e-9
    other.train()(x).square().sum().backward()
    assert all(p.grad is not None for p in other.parameters())


@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
@pytest.mark.parametrize("locations", ["sequence", "grid"])
def test_every_scan_order_of_a_video(scan_order, locations):
    model = disturbed(made("videomamba_adaptor_debug", scan_order=scan_order, locations=locations))
    x = clips(model)
    with torch.inference_mode():
        found, exact = model(x), model.double()(x.double())
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [(1, 2), (2, 1), (3, 5), (4, 4)], ids=str)
@pytest.mark.parametrize("name", ["vim_adaptor_debug", "videomamba_adaptor_debug"])
@pytest.mark.parametrize("locations", ["sequence", "grid"])
def test_any_grid_of_two_tokens_or_more(name, size, locations):
    side = 4
    model = disturbed(made(name, image_size=(size[0] * side, size[1] * side), locations=locations))
    with torch.inference_mode():
        assert model(clips(model)).isfinite().all()


@pytest.mark.parametrize("size", [(32, 64), (24, 40), (33, 7)], ids=str)
@pytest.mark.parametrize("locations", ["sequence", "grid"])
def test_any_image_size_of_a_backbone(size, locations):
    model = disturbed(made("mamba_adaptor_debug", locations=locations))
    x = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert model(x).isfinite().all()


def test_masked_tokens():
    model = disturbed(made("videomamba_adaptor_debug"))
    grid = model.token_grid
    masks = token_mask("random", (grid.t, grid.h, grid.w), 0.6, 2, torch.Generator().manual_seed(0))
    with torch.inference_mode():
        nothing = model(clips(model), torch.zeros_like(masks))
        torch.testing.assert_close(nothing, model(clips(model)), rtol=1e-4, atol=1e-5)
        assert model(clips(model), masks).isfinite().all()
        on_grid = made("videomamba_adaptor_debug", locations="grid")
        with pytest.raises(ValueError, match="choose locations sequence for masks"):
            on_grid(clips(model), masks)


def test_freezing_later():
    model = made("vim_adaptor_debug")
    assert all(p.requires_grad for p in model.parameters())
    freeze_host(model)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {n for n, _ in model.named_parameters() if is_adaptor_tensor(n)} | {
        "head.weight",
        "head.bias",
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"usage": "decoration"}, "choose backbone or booster or fine_tuning"),
        ({"share": "some"}, "choose none or width or all"),
        ({"memory_sequences": 3}, "can't be shared among 3"),
        ({"num_frames": 8}, "leave num_frames out"),
    ],
)
def test_impossible_models_are_one_sentence(fields, message):
    with pytest.raises(ValueError, match=message):
        made("mamba_adaptor_debug", **fields)


def test_registry_knows_the_family():
    sizes = ("tiny", "small", "middle", "base", "mini", "debug")
    assert set(list_models(FAMILY)) == {
        *(f"mamba_adaptor_{size}" for size in ("b1", "b2", "b2_wide", "debug")),
        *(f"vim_adaptor_{size}" for size in ("tiny", "small", "base", "debug")),
        *(f"videomamba_adaptor_{size}" for size in sizes),
    }
    assert set(list_models(FAMILY)) <= set(list_classifiers())
