import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from analysis.layers.adaptor_config import AdaptorConfig
from analysis.layers.adaptor_s import AdaptorS
from analysis.layers.adaptor_t import AdaptorT
from analysis.layers.mixer import BidirectionalMixer
from analysis.layers.token_grid import TokenGrid
from analysis.ops.scan_order import LayerScan, sequence_permutation
from analysis.ops.selective_scan import use_implementation

GRID = TokenGrid(2, 2, 3)
S, T = "spatial_first", "temporal_first"


@pytest.fixture
def golden(golden_folder):
    mixer = BidirectionalMixer(24).eval()
    mixer.load_state_dict(load_file(golden_folder / "ops.weights.safetensors"))
    return mixer, load_file(golden_folder / "ops.io.safetensors")


@pytest.fixture
def mixer():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        mixer = BidirectionalMixer(8, state_size=4).eval()
        for parameter in mixer.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    return mixer


@pytest.mark.parametrize("implementation", ["naive", "cpu"])
def test_golden(golden, implementation):
    mixer, case = golden
    with use_implementation(implementation), torch.inference_mode():
        out = mixer(case["mixer.input"], TokenGrid(1, 2, 5))
    torch.testing.assert_close(out, case["mixer.output"], rtol=0, atol=1e-5)


def test_golden_directions(golden):
    mixer, case = golden
    with torch.inference_mode():
        inner, z = mixer.in_proj(case["mixer.input"]).chunk(2, dim=-1)
        forward = (mixer.scan_direction(inner, "") * F.silu(z)).transpose(1, 2)
        backward = (mixer.scan_direction(inner, "_b") * F.silu(z)).transpose(1, 2)
    torch.testing.assert_close(forward, case["mixer.branch_forward"], rtol=0, atol=1e-5)
    stored = case["mixer.branch_backward_in_reversed_time"]
    torch.testing.assert_close(backward.flip(-1), stored, rtol=0, atol=1e-5)


def plain_direction(mixer, xz, suffix):
    """One direction from the equations, in float64, on tokens already in the order to be read."""
    name = lambda part: mixer.get_submodule(part + suffix)  # noqa: E731
    x, z = xz.chunk(2, dim=-1)
    padded = F.pad(x, (0, 0, 3, 0))
    taps = name("conv1d").weight[:, 0]
    c = sum(padded[:, k : k + x.shape[1]] * taps[:, k] for k in range(4)) + name("conv1d").bias
    u = c * torch.sigmoid(c)
    step, B, C = (u @ name("x_proj").weight.T).split([mixer.delta_rank, 4, 4], dim=-1)
    dt = torch.log1p(torch.exp(step @ name("dt_proj").weight.T + name("dt_proj").bias))
    A = -torch.exp(mixer.get_parameter(f"A{suffix}_log"))
    h, ys = torch.zeros(len(x), mixer.inner_width, 4, dtype=x.dtype), []
    for t in range(x.shape[1]):
        h = torch.exp(dt[:, t, :, None] * A) * h + (dt[:, t] * u[:, t])[..., None] * B[:, t, None]
        ys.append((h * C[:, t, None]).sum(-1))
    y = torch.stack(ys, 1) + mixer.get_parameter(f"D{suffix}") * u
    return y * z * torch.sigmoid(z)


def plain_mixer(mixer, tokens, scan):
    """Reorder everything, scan, flip and reorder back, order by order."""
    xz = tokens @ mixer.in_proj.weight.T
    total = 0
    for orders, suffix in ((scan.forward, ""), (scan.backward, "_b")):
        for order in orders:
            permutation, inverse = sequence_permutation(order, GRID.t, GRID.h, GRID.w)
            read = xz[:, permutation]
            read = read.flip(1) if suffix else read
            y = plain_direction(mixer, read, suffix)
            y = y.flip(1) if suffix else y
            total = total + y[:, inverse] / len(orders)
    return total @ mixer.out_proj.weight.T


SCANS = {
    "spatial": LayerScan((S,), (S,)),
    "temporal": LayerScan((T,), (T,)),
    "split": LayerScan((S,), (T,)),
    "both": LayerScan((S, T), (S, T)),
    "boustrophedon": LayerScan(("boustrophedon",), ("boustrophedon",)),
}


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
def test_every_layer_scan_equals_the_equations(mixer, scan):
    tokens = torch.randn(2, GRID.length, 8, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        out = mixer(tokens, GRID, scan)
        expected = plain_mixer(mixer.double(), tokens.double(), scan)
    torch.testing.assert_close(out.double(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
def test_gradients_equal_those_of_the_naive_scan_in_float64(mixer, scan):
    tokens = torch.randn(2, GRID.length, 8, generator=torch.Generator().manual_seed(6))
    parameters = list(mixer.parameters())
    fast = torch.autograd.grad(mixer(tokens, GRID, scan).square().sum(), parameters)
    mixer.double()
    slow = torch.autograd.grad(
        mixer(tokens.double(), GRID, scan).square().sum(), list(mixer.parameters())
    )
    for gradient, reference in zip(fast, slow, strict=True):
        scale = reference.abs().max().clamp(min=1e-3)
        assert ((gradient - reference).abs().max() / scale).item() < 1e-4


def test_cls_stays_first_in_every_order():
    for order in (S, T, "boustrophedon", "column_first"):
        permutation, inverse = sequence_permutation(order, 2, 2, 3)
        assert permutation[0] == 0
        assert torch.equal(permutation[inverse], torch.arange(13))


def test_adaptors_act_on_directions_and_on_their_sum_before_the_gate(mixer):
    """Mamba-Adaptor specification, sections 3.1, 4 and 7, from the mixer's own directions."""
    mixer = mixer.double()
    x = torch.randn(2, GRID.length, 8, generator=torch.Generator().manual_seed(5)).double()
    config = AdaptorConfig(memory_sequences=2, memory_locations=2, usage="backbone")
    adaptor_t, adaptor_s = AdaptorT(16, config).double(), AdaptorS(16, config).double()
    for order in (S, T):
        scan = LayerScan((S,), (order,))
        mixer.adaptor_t, mixer.adaptor_s = adaptor_t, adaptor_s
        with torch.no_grad():
            found = mixer(x, GRID, scan)
            inner, z = mixer.in_proj(x).chunk(2, dim=-1)
            read, back = sequence_permutation(order, 2, 2, 3)
            forward = adaptor_t(mixer.scan_inputs(inner, ""), GRID)
            backward = adaptor_t(mixer.scan_inputs(inner[:, read], "_b"), GRID)[:, :, back]
            y = forward + backward
            y = y + adaptor_s(y, GRID)
            expected = mixer.out_proj(y.transpose(1, 2) * F.silu(z))
            torch.testing.assert_close(found, expected)
            mixer.adaptor_t = mixer.adaptor_s = None
            assert (mixer(x, GRID, scan) - expected).abs().max() > 1e-3
