"""Every implementation of the selective scan against the naive one in float64.

The Triton kernels run on the GPU where there is one. Elsewhere the last test runs this file's
Triton cases in a process of its own, because Triton decides when it is first imported whether it
interprets.
"""

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from analysis.ops.selective_scan import selective_scan

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "ops.io.safetensors"

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
HAS_TRITON = importlib.util.find_spec("triton") is not None
FAST = ["cpu"]
if HAS_TRITON and (INTERPRETED or torch.cuda.is_available()):
    FAST.append("triton")
TRITON_DEVICE = "cpu" if INTERPRETED else "cuda"

TOLERANCES = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}
"""Largest error of a tensor, relative to its largest entry: some units in the last place."""

WEIGHTS = ("A", "D", "delta_bias")


def scan_inputs(batch, channels, length, states, *, optional=("D", "z", "delta_bias"), seed=0):
    """Random float64 arguments of a scan; optional tensors that are not named are left out."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    inputs = {
        "u": normal(batch, channels, length),
        "delta": 0.5 * normal(batch, channels, length),
        "A": -normal(channels, states).exp(),
        "B": normal(batch, states, length),
        "C": normal(batch, states, length),
        "D": normal(channels),
        "z": normal(batch, channels, length),
        "delta_bias": normal(channels),
    }
    skipped = {"D", "z", "delta_bias"} - set(optional)
    return {name: tensor for name, tensor in inputs.items() if name not in skipped}


def loss_of(out, state):
    """Weighs every element of the output and of the last state differently."""
    places = (torch.arange(x.numel(), device=x.device).view(x.shape) for x in (out, state))
    return sum((x.double() * p.cos()).sum() for x, p in zip((out, state), places, strict=True))


def results(implementation, inputs, dtype=torch.float64, layout=lambda x: x, **options):
    """Output, last state and every gradient of a scan, in float64 on the CPU."""
    device = TRITON_DEVICE if implementation == "triton" else "cpu"
    half = dtype in (torch.float16, torch.bfloat16)
    leaves = {
        name: tensor.to(device, torch.float32 if half and name in WEIGHTS else dtype)
        .clone()
        .requires_grad_()
        for name, tensor in inputs.items()
    }
    arguments = {n: layout(x) if x.dim() == 3 else x for n, x in leaves.items()}
    out, state = selective_scan(
        **arguments, return_last_state=True, implementation=implementation, **options
    )
    assert out.dtype == dtype
    assert state.dtype == (torch.float32 if half else dtype)
    loss_of(out, state).backward()
    found = {"out": out, "last_state": state}
    found |= {f"gradient of {name}": leaf.grad for name, leaf in leaves.items()}
    return {name: tensor.detach().double().cpu() for name, tensor in found.items()}


def assert_close(found, expected, tolerance):
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert torch.isfinite(tensor).all(), name
        scale = expected[name].abs().max().clamp(min=1e-6)
        error = ((tensor - expected[name]).abs().max() / scale).item()
        assert error < tolerance, f"{name}: {error:.1e} of its largest entry"


SHAPES = {
    "one token": (2, 3, 1, 4),
    "two tokens, one state": (1, 5, 2, 1),
    "channels over a block of 64": (2, 70, 5, 4),
    "three states": (2, 6, 13, 3),
    "odd length past a chunk of 32": (1, 9, 33, 16),
    "odd length past a chunk of 64": (1, 5, 67, 16),
    "three chunks": (1, 3, 129, 4),
    "many chunks": (1, 3, 257, 4),
}


@pytest.mark.parametrize("implementation", FAST)
def test_without_gradients_outputs_are_the_same(implementation):
    device = TRITON_DEVICE if implementation == "triton" else "cpu"
    inputs = {name: x.float().to(device) for name, x in scan_inputs(2, 5, 37, 4).items()}
    inputs["A"].requires_grad_()  # as the parameters of a model are
    found, expected = [], []
    for results_of, gradients in ((found, False), (expected, True)):
        with torch.set_grad_enabled(gradients):
            results_of += selective_scan(
                **inputs,
                delta_softplus=True,
                return_last_state=True,
                implementation=implementation,
            )
    for without, with_gradients in zip(found, expected, strict=True):
        assert not without.requires_grad and with_gradients.requires_grad
        assert torch.equal(without, with_gradients)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("implementation", FAST)
def test_output_last_state_and_all_gradients(implementation, shape):
    if implementation == "triton" and INTERPRETED and shape[2] > 200:
        pytest.skip("Triton's interpreter takes 10 s for it; three chunks show the same")
    inputs = scan_inputs(*shape)
    found = results(implementation, inputs, torch.float32, delta_softplus=True)
    expected = results("naive", inputs, delta_softplus=True)
    assert_close(found, expected, TOLERANCES[torch.float32])


@pytest.mark.parametrize("length", [1, 2, 67])
@pytest.mark.parametrize("implementation", FAST)
def test_reverse_is_flip_scan_flip(implementation, length):
    inputs = scan_inputs(1, 3, length, 4)
    found = results(implementation, inputs, torch.float32, delta_softplus=True, reverse=True)

    flipped = {name: x.flip(-1) if x.dim() == 3 else x for name, x in inputs.items()}
    leaves = {name: x.requires_grad_() for name, x in flipped.items()}
    out, state = selective_scan(
        **leaves, delta_softplus=True, return_last_state=True, implementation="naive"
    )
    out = out.flip(-1)
    loss_of(out, state).backward()
    expected = {"out": out.detach(), "last_state": state.detach()}
    for name, x in leaves.items():
        expected[f"gradient of {name}"] = x.grad.flip(-1) if x.dim() == 3 else x.grad
    assert_close(found, expected, TOLERANCES[torch.float32])


@pytest.mark.parametrize("softplus", [False, True], ids=["plain step", "softplus"])
@pytest.mark.parametrize(
    "optional",
    [(), ("D",), ("z",), ("delta_bias",), ("D", "z", "delta_bias")],
    ids=lambda names: "with " + (", ".join(names) or "no option"),
)
@pytest.mark.parametrize("implementation", FAST)
def test_optional_arguments(implementation, optional, softplus):
    inputs = scan_inputs(1, 5, 3, 4, optional=optional)
    if not softplus:  # steps are positive in a model; a negative one lets the state grow
        inputs["delta"] = inputs["delta"].abs()
    found = results(implementation, inputs, torch.float32, delta_softplus=softplus)
    expected = results("naive", inputs, delta_softplus=softplus)
    assert_close(found, expected, TOLERANCES[torch.float32])


def every_second(x):
    """The same numbers, every second place in memory a wrong one."""
    return torch.stack([x, x + 1], dim=-1).flatten(-2)[..., ::2]


LAYOUTS = {
    "channels adjacent": lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
    "batch innermost": lambda x: x.permute(1, 2, 0).contiguous().permute(2, 0, 1),
    "every second token": every_second,
    "slice of wider tokens": lambda x: (
        torch.cat([x, x], dim=1).transpose(1, 2).contiguous()[..., x.shape[1] :].transpose(1, 2)
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("implementation", FAST)
def test_inputs_in_any_memory_layout(implementation, layout):
    inputs = scan_inputs(2, 5, 7, 4)
    found = results(implementation, inputs, torch.float32, layout, delta_softplus=True)
    expected = results("naive", inputs, delta_softplus=True)
    assert_close(found, expected, TOLERANCES[torch.float32])


@pytest.mark.parametrize("implementation", FAST)
def test_broadcast_inputs(implementation):
    inputs = scan_inputs(2, 5, 7, 4)
    for name in ("delta", "B"):
        inputs[name] = inputs[name][:1]

    def spread(x):
        return x.expand(2, -1, -1)

    found = results(implementation, inputs, torch.float32, spread, delta_softplus=True)
    expected = results("naive", inputs, layout=spread, delta_softplus=True)
    assert_close(found, expected, TOLERANCES[torch.float32])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("implementation", ["naive", *FAST])
def test_half_precision_is_computed_in_float32(implementation, dtype):
    rounded = {
        name: tensor if name in WEIGHTS else tensor.to(dtype).double()
        for name, tensor in scan_inputs(2, 3, 13, 4).items()
    }
    found = results(implementation, rounded, dtype, delta_softplus=True)
    expected = results("naive", rounded, delta_softplus=True)
    # The state never passes through the half type.
    assert_close({"last_state": found["last_state"]}, {"last_state": expected["last_state"]}, 1e-5)
    assert_close(found, expected, TOLERANCES[dtype])


EXTREMES = {
    "step underflows": {"delta": -90.0},
    "step tiny": {"delta": -20.0},
    "step large": {"delta": 60.0},
    "decay underflows": {"A": -1e4},
    "decay is one": {"A": -1e-12},
    "gate shut": {"z": -90.0},
    "gate wide open": {"z": 90.0},
}


# Triton's interpreter computes with NumPy, which announces that exp(90) became infinity.
@pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning")
@pytest.mark.parametrize("changes", EXTREMES.values(), ids=EXTREMES)
@pytest.mark.parametrize("implementation", FAST)
def test_extreme_values_stay_finite_and_right(implementation, changes):
    inputs = scan_inputs(1, 3, 9, 4)
    for name, value in changes.items():
        inputs[name] = value * (1 + 0.05 * inputs[name].tanh())
    found = results(implementation, inputs, torch.float32, delta_softplus=True)
    expected = results("naive", inputs, delta_softplus=True)
    # Float32 rounds an argument of 90 to 4e-6: after exp the result is off by as much.
    assert_close(found, expected, 5e-5)


@pytest.mark.parametrize("implementation", FAST)
def test_one_far_step_among_near_ones(implementation):
    """Chunks whose decays all stay near take a shorter way; their neighbours must not notice."""
    inputs = scan_inputs(1, 3, 60, 4)
    inputs["delta"][0, 1, 20] = 300.0
    found = results(implementation, inputs, torch.float32, delta_softplus=True)
    assert_close(found, results("naive", inputs, delta_softplus=True), 5e-5)


@pytest.mark.parametrize("name", ["u", "delta", "B", "C", "z"])
@pytest.mark.parametrize("implementation", FAST)
def test_a_nan_is_not_hidden(implementation, name):
    device = TRITON_DEVICE if implementation == "triton" else "cpu"
    inputs = {k: x.float().to(device) for k, x in scan_inputs(1, 3, 5, 2).items()}
    inputs[name][0, 1, 2] = math.nan
    arguments = {**inputs, "delta_softplus": True}
    found = selective_scan(**arguments, implementation=implementation)
    expected = selective_scan(**arguments, implementation="naive")
    assert expected.isnan().any()
    assert torch.equal(found.isnan(), expected.isnan())


@pytest.mark.parametrize("implementation", FAST)
def test_the_same_call_gives_the_same_bits(implementation):
    inputs = scan_inputs(2, 70, 4, 4)
    first, second = (
        results(implementation, inputs, torch.float32, delta_softplus=True) for _ in range(2)
    )
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


@pytest.mark.parametrize("implementation", FAST)
def test_only_the_asked_gradients_are_given(implementation):
    device = TRITON_DEVICE if implementation == "triton" else "cpu"
    inputs = {k: x.float().to(device) for k, x in scan_inputs(1, 3, 4, 2).items()}
    inputs["B"].requires_grad_()
    out, state = selective_scan(**inputs, return_last_state=True, implementation=implementation)
    (gradient,) = torch.autograd.grad(state.sum(), inputs["B"])
    assert gradient.abs().sum() > 0
    assert all(x.grad is None for x in inputs.values())
    assert out.requires_grad


@pytest.mark.parametrize("implementation", ["naive", *FAST])
def test_published_reference_output(implementation):
    device = TRITON_DEVICE if implementation == "triton" else "cpu"
    golden = load_file(GOLDEN)
    names = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")
    out, state = selective_scan(
        *(golden[f"scan.{name}"].to(device) for name in names),
        delta_softplus=True,
        return_last_state=True,
        implementation=implementation,
    )
    assert (out.cpu() - golden["scan.out"]).abs().max() < 1e-5
    assert (state.cpu() - golden["scan.last_state"]).abs().max() < 1e-5


@pytest.mark.parametrize("implementation", ["naive", *FAST])
def test_constant_input_is_a_geometric_series(implementation):
    step, rate, length = 0.1, -2.0, 5
    device = TRITON_DEVICE if implementation == "triton" else "cpu"
    ones = torch.ones(1, 1, length, device=device)
    out = selective_scan(
        ones, step * ones, rate * ones[0, :, :1], ones, ones, implementation=implementation
    )
    decay = math.exp(step * rate)
    expected = [step * (1 - decay ** (t + 1)) / (1 - decay) for t in range(length)]
    assert out.flatten().tolist() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("reverse", [False, True], ids=["first to last", "last to first"])
@pytest.mark.parametrize("softplus", [False, True], ids=["plain step", "softplus"])
def test_gradients_of_naive_against_finite_differences(softplus, reverse):
    inputs = scan_inputs(2, 3, 4, 2)
    if not softplus:
        inputs["delta"] = inputs["delta"].abs()

    def scan(*tensors):
        return selective_scan(*tensors, softplus, True, reverse=reverse, implementation="naive")

    assert torch.autograd.gradcheck(scan, [x.requires_grad_() for x in inputs.values()])


@pytest.mark.skipif(not HAS_TRITON, reason="triton is not installed")
@pytest.mark.skipif("triton" in FAST, reason="the Triton cases run in this process")
@pytest.mark.thorough
def test_triton_kernels_in_the_interpreter():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "triton"]
    child = subprocess.run(
        [*command, str(Path(__file__))],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert child.returncode == 0, child.stdout[-4000:] + child.stderr[-2000:]
