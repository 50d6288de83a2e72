"""VMamba's cross-scan against its equations, pixel by pixel."""

import pytest
import torch
import torch.nn.functional as F

from analysis.layers.adaptor_config import AdaptorConfig
from analysis.layers.adaptor_s import AdaptorS
from analysis.layers.adaptor_t import AdaptorT, DirectionAdaptors
from analysis.layers.cross_scan import CrossScan
from analysis.layers.token_grid import ClassFreeGrid

F64 = torch.float64


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""


def disturbed(module):
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data = 0.5 * torch.randn(parameter.shape, generator=generator, dtype=F64)
    return module.to(F64)


def cross_scan(states=1, expand=1):
    return disturbed(CrossScan(8, states, expand))


def image(height=3, width=4):
    return torch.randn(2, height, width, 8, generator=torch.Generator().manual_seed(1), dtype=F64)


def paths(height, width):
    """Pixels in the order of each direction."""
    rows = [(r, c) for r in range(height) for c in range(width)]
    columns = [(r, c) for c in range(width) for r in range(height)]
    return rows, columns, rows[::-1], columns[::-1]


@torch.no_grad()
def plain_sum_of_directions(layer, u):
    """y (B, E, h, w): section 5 of the specification with the recurrence of section 2."""
    batch, channels, height, width = u.shape
    rank, states = layer.delta_rank, layer.state_size
    out = torch.zeros_like(u)
    for number, path in enumerate(paths(height, width)):
        A = -torch.exp(layer.A_logs.view(4, channels, states)[number])
        D = layer.Ds.view(4, channels)[number]
        for b in range(batch):
            state = torch.zeros(channels, states, dtype=F64)
            for r, c in path:
                x = u[b, :, r, c]
                step, B, C = (layer.x_proj_weight[number] @ x).split([rank, states, states])
                dt = F.softplus(layer.dt_projs_weight[number] @ step + layer.dt_projs_bias[number])
                state = torch.exp(dt[:, None] * A) * state + (dt * x)[:, None] * B
                out[b, :, r, c] += state @ C + D * x
    return out


def plain_output(layer, x, after=lambda y: y):
    inner = (x @ layer.in_proj.weight.T).permute(0, 3, 1, 2)
    u = F.silu(F.conv2d(inner, layer.conv2d.weight, padding=1, groups=len(inner[0])))
    y = after(plain_sum_of_directions(layer, u)).permute(0, 2, 3, 1)
    norm = layer.out_norm
    y = (y - y.mean(-1, keepdim=True)) / (y.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
    return (y * norm.weight + norm.bias) @ layer.out_proj.weight.T


@pytest.mark.parametrize("size", [(3, 4), (4, 3), (1, 2), (2, 1)], ids=str)
@pytest.mark.parametrize(("states", "expand"), [(1, 1), (1, 2), (3, 1)])
def test_output_equals_the_equations(states, expand, size):
    layer, x = cross_scan(states, expand), image(*size)
    # The layer itself rounds the logarithms of A to single precision, in float64 too.
    torch.testing.assert_close(layer(x), plain_output(layer, x), rtol=0, atol=1e-5)


def test_adaptor_s_acts_on_the_sum_before_the_norm():
    layer, x = cross_scan(), image()
    layer.adaptor_s = disturbed(AdaptorS(8, AdaptorConfig()))

    def with_surroundings(y):
        return y + layer.adaptor_s.surroundings(y[:, :, None])[:, :, 0]

    torch.testing.assert_close(
        layer(x), plain_output(layer, x, with_surroundings), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "own"])
@pytest.mark.parametrize("locations", ["sequence", "grid"])
def test_adaptor_t_acts_on_every_direction_in_its_own_order(locations, shared):
    """Each direction by itself: its pixels laid out in reading order and scanned forward."""
    layer, x = cross_scan(states=2), image()
    config = AdaptorConfig(memory_sequences=2, memory_locations=2, locations=locations)
    adaptors = [AdaptorT(8, config) for _ in range(1 if shared else 4)]
    layer.adaptor_t = disturbed(adaptors[0] if shared else DirectionAdaptors(adaptors))
    grid = ClassFreeGrid(1, 3, 4)
    added = torch.zeros(2, 8, 3, 4, dtype=F64)
    inner = (x @ layer.in_proj.weight.T).permute(0, 3, 1, 2)
    u = F.silu(layer.conv2d(inner))
    with torch.no_grad():
        for number, path in enumerate(paths(3, 4)):
            sequence = torch.stack([u[:, :, r, c] for r, c in path], dim=-1)
            scan = layer.scan_inputs(sequence, number)
            scan = type(scan)(**{**vars(scan), "reverse": False})
            back = torch.tensor([path.index(pixel) for pixel in paths(3, 4)[0]])
            memory = adaptors[0 if shared else number]
            gain = memory(scan, grid, back) - scan.output()
            for step, (r, c) in enumerate(path):
                added[:, :, r, c] += gain[:, :, step]
    torch.testing.assert_close(
        layer(x), plain_output(layer, x, lambda y: y + added), rtol=0, atol=1e-5
    )
    assert added.abs().max() > 0.01
