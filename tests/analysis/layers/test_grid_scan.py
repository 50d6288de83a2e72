"""The state-space layer against its equations, written out token by token."""

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from analysis.layers.grid_scan import GridScan, paths_of, scan_paths
from analysis.ops.scan_order import TOKEN_ORDERS

SHAPE = (2, 3, 2, 2, 12)
OPTIONS = {
    "published": {},
    "spatial_first": {"scans": ("spatial_first",)},
    "temporal_first": {"scans": ("temporal_first",)},
    "one_way": {"bidirectional": False},
    "gate": {"gate": True},
    "own_sets": {"share_scans": False},
    "one_output": {"outputs": 1},
    "rank_of_two": {"inner": 20},
}


def layer(**options):
    """A layer with every tensor random and none of them zero, in float64."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = GridScan(12, **{"inner": 6, "state_size": 4, **options}).double()
        for parameter in layer.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
    return layer.eval()


def tokens(*shape, dtype=torch.float64):
    shape = shape or SHAPE
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


def gelu(x):
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


def normed(x, norm):
    centred = x - x.mean(-1, keepdim=True)
    scale = (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return centred / scale * norm.weight + norm.bias


def plain_scan(scan, sequence):
    """One sequence (L, E) through convolution, selection and recurrence."""
    taps, states, out = scan.conv1d.weight[:, 0], None, []
    for i in range(len(sequence)):
        past = [sequence[i - 3 + k] * taps[:, k] for k in range(4) if i - 3 + k >= 0]
        u = gelu(sum(past) + scan.conv1d.bias)
        step, B, C = (scan.x_proj.weight @ u).split(
            [scan.delta_rank, scan.state_size, scan.state_size]
        )
        dt = torch.log1p(torch.exp(scan.dt_proj.weight @ step + scan.dt_proj.bias))
        entering = (dt * u)[:, None] * B
        decay = torch.exp(dt[:, None] * -torch.exp(scan.A_log))
        states = entering if states is None else decay * states + entering
        out.append((states * C).sum(-1) + scan.D * u)
    return torch.stack(out)


def position(name, f, r, c, t, h, w):
    """As the two orders are defined."""
    return {"spatial_first": (f * h + r) * w + c, "temporal_first": (r * w + c) * t + f}[name]


def plain_layer(layer, x):
    batch, t, h, w, _ = x.shape
    projected = normed(x, layer.in_norm) @ layer.in_proj.weight.T
    inner, z = projected[..., : layer.inner], projected[..., layer.inner :]
    places = [(f, r, c) for f in range(t) for r in range(h) for c in range(w)]
    mean = torch.zeros_like(inner)
    paths = [(name, -1 if turned else 1) for name, turned in layer.paths]
    for number, (name, way) in enumerate(paths):
        scan = layer.scans[0 if len(layer.scans) == 1 else number]
        order = sorted(places, key=lambda p: way * position(name, *p, t, h, w))
        for b in range(batch):
            y = plain_scan(scan, torch.stack([inner[b][place] for place in order]))
            for place, value in zip(order, y, strict=True):
                mean[b][place] += value / len(paths)
    if layer.gate:
        mean = mean * gelu(z)
    return normed(mean, layer.merge_norm) @ layer.out_proj.weight.T + layer.out_proj.bias


@pytest.mark.parametrize("case", OPTIONS)
def test_the_layer_is_its_equations(case):
    found = layer(**OPTIONS[case])
    with torch.inference_mode():
        torch.testing.assert_close(
            found(tokens()), plain_layer(found, tokens()), rtol=0, atol=1e-10
        )


@pytest.mark.parametrize("case", OPTIONS)
def test_compiled_and_plain_scans_agree(case):
    """In float32 the kernels run, in float64 the plain scan: values and gradients."""
    exact, x = layer(**OPTIONS[case]), tokens().requires_grad_()
    fast, y = layer(**OPTIONS[case]).float(), x.detach().float().requires_grad_()
    weights = tokens(*SHAPE[:-1], exact.out_proj.out_features)
    for model, given in ((exact, x), (fast, y)):
        (model(given) * weights.to(given.dtype)).sum().backward()
    with torch.inference_mode():
        torch.testing.assert_close(fast(y).double(), exact(x), rtol=0, atol=1e-4)
    torch.testing.assert_close(y.grad.double(), x.grad, rtol=0, atol=1e-3)
    for (name, ours), theirs in zip(fast.named_parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(
            ours.grad.double(), theirs.grad, rtol=1e-3, atol=1e-3, msg=lambda m, n=name: f"{n} {m}"
        )


@pytest.mark.parametrize("bidirectional", [True, False], ids=["both_ways", "one_way"])
@pytest.mark.parametrize("name", TOKEN_ORDERS)
def test_a_path_and_its_way_back_change_nothing(name, bidirectional):
    read, back = scan_paths(paths_of((name,), bidirectional), 3, 2, 4)
    x = torch.arange(24)
    assert len(read) == len(back) == 1 + bidirectional
    for there, home in zip(read, back, strict=True):
        assert torch.equal(x[there][home], x)
    if bidirectional:
        assert torch.equal(read[1], read[0].flip(0))


def reached(layer, source, shape=(1, 3, 2, 2, 12)):
    """The tokens whose output changes with one token, by their place in the clip."""
    x = tokens(*shape)
    other = x.clone()
    # Not the same for all channels: the norm takes away what is.
    other[0][source] += torch.linspace(-1, 1, shape[-1], dtype=x.dtype)
    with torch.inference_mode():
        change = (layer(other) - layer(x)).abs().amax(-1)[0]
    return {tuple(place) for place in (change > 1e-9).nonzero().tolist()}


EVERYWHERE = {(f, r, c) for f in range(3) for r in range(2) for c in range(2)}


@pytest.mark.parametrize("source", [(0, 0, 0), (1, 0, 1), (2, 1, 1)], ids=str)
def test_both_ways_every_token_reaches_every_token(source):
    assert reached(layer(), source) == EVERYWHERE


@pytest.mark.parametrize(
    ("name", "source", "later"),
    [
        ("spatial_first", (2, 1, 1), {(2, 1, 1)}),
        ("spatial_first", (2, 1, 0), {(2, 1, 0), (2, 1, 1)}),
        ("temporal_first", (1, 1, 1), {(1, 1, 1), (2, 1, 1)}),
    ],
)
def test_one_way_a_token_reaches_only_what_is_read_later(name, source, later):
    assert reached(layer(scans=(name,), bidirectional=False), source) == later


def test_a_constant_over_channels_is_not_seen():
    found, x = layer(), tokens()
    with torch.inference_mode():
        torch.testing.assert_close(found(x + 3.0), found(x), rtol=0, atol=1e-9)


def test_magnitude_does_not_grow_with_the_number_of_paths():
    """Of one token alone, all paths say the same; their mean is what one says."""
    one = layer(scans=("spatial_first",), bidirectional=False)
    four = layer()
    four.load_state_dict(one.state_dict())
    x = tokens(2, 1, 1, 1, 12)
    with torch.inference_mode():
        torch.testing.assert_close(four(x), one(x))


def test_products_grow_with_the_number_of_frames():
    with torch.device("meta"):
        found = GridScan(64, 32).eval()
    counts = []
    for frames in (4, 8, 16):
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            found(torch.empty(1, frames, 4, 4, 64, device="meta"))
        counts.append(counter.get_total_flops())
    assert counts[1:] == [2 * counts[0], 4 * counts[0]]


def test_a_fresh_layer_starts_like_mamba():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        scan = GridScan(512, 256, state_size=8).scans[0]
    torch.testing.assert_close(scan.A_log.exp(), torch.arange(1.0, 9.0).expand(256, 8))
    assert torch.equal(scan.D, torch.ones(256))
    steps = torch.nn.functional.softplus(scan.dt_proj.bias)
    assert 0.99e-3 < steps.min() < 2e-3 and 0.05 < steps.max() < 0.1001
    # Even in the logarithm: half of them below the geometric middle.
    assert 0.4 < (steps < 1e-2).float().mean() < 0.6
    assert scan.dt_proj.weight.abs().max() <= 16**-0.5
    assert scan.dt_proj.weight.std().item() == pytest.approx(16**-0.5 / math.sqrt(3), rel=0.05)


def test_half_precision_stays_close():
    """The recurrence itself runs in float32, so half precision costs its own rounding only."""
    found, x = layer().float(), tokens(1, 16, 4, 4, 12, dtype=torch.float32)
    with torch.inference_mode():
        expected = found(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = found(x)
    assert half.dtype == torch.bfloat16
    assert (half.float() - expected).abs().max() < 0.05 * expected.abs().max()


@pytest.mark.parametrize("shared", [True, False])
def test_one_set_for_both_ways_hears_a_turned_round_clip_as_the_clip(shared):
    """With the paths averaged, so that nothing in the layer knows first from last."""
    own, x = layer(share_scans=shared), tokens()
    turned = own(x.flip(1, 2, 3)).flip(1, 2, 3)
    assert torch.allclose(turned, own(x), rtol=0, atol=1e-12) is shared
