"""Which implementation of the selective scan runs, and what it says when none can."""

import sys
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace

import pytest
import torch

from analysis.ops.selective_scan import (
    IMPLEMENTATIONS,
    available_implementations,
    choose_implementation,
    mamba_ssm,
    naive,
    selective_scan,
    use_implementation,
)

CUDA_FLOAT = SimpleNamespace(device=torch.device("cuda"), dtype=torch.float32)
"""What the dispatcher looks at in a tensor; a real one would need the device."""


def scan_inputs(length=5, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    u, delta, B, C = (
        torch.randn(2, rows, length, generator=generator, dtype=dtype) for rows in (3, 3, 2, 2)
    )
    return u, delta, -torch.rand(3, 2, generator=generator, dtype=dtype), B, C


class StatelessGradient(torch.autograd.Function):
    """A scan in one node whose backward leaves out the last state, as the package's does."""

    @staticmethod
    def forward(ctx, delta_softplus, *tensors):
        ctx.delta_softplus = delta_softplus
        ctx.save_for_backward(*tensors)
        return naive.selective_scan(*tensors, delta_softplus, return_last_state=True)

    @staticmethod
    def backward(ctx, g_out, g_state):
        with torch.enable_grad():
            leaves = [None if x is None else x.detach().requires_grad_() for x in ctx.saved_tensors]
            out = naive.selective_scan(*leaves, ctx.delta_softplus)
        gradients = iter(torch.autograd.grad(out, [x for x in leaves if x is not None], g_out))
        return None, *(None if x is None else next(gradients) for x in leaves)


@pytest.fixture
def installed_mamba_ssm(monkeypatch):
    """A stand-in for the package that checks the call as its CUDA extension does."""
    calls = []

    def selective_scan_fn(
        u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False,
        return_last_state=False,
    ):  # fmt: skip
        assert {x.dtype for x in (delta, B, C)} <= {u.dtype}
        assert z is None or z.dtype == u.dtype
        assert all(x is None or x.dtype == torch.float32 for x in (A, D, delta_bias))
        assert all(x is None or x.stride(-1) == 1 for x in (u, delta, B, C, D, z, delta_bias))
        calls.append(u.dtype)
        tensors = (u, delta, A, B, C, D, z, delta_bias)
        out, state = StatelessGradient.apply(delta_softplus, *tensors)
        return (out, state) if return_last_state else out

    package, operators = ModuleType("mamba_ssm"), ModuleType("mamba_ssm.ops")
    interface = ModuleType("mamba_ssm.ops.selective_scan_interface")
    interface.selective_scan_fn = selective_scan_fn
    for module in (package, operators, interface):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    mamba_ssm._selective_scan_fn.cache_clear()
    yield calls
    mamba_ssm._selective_scan_fn.cache_clear()


@pytest.fixture
def missing_mamba_ssm(monkeypatch):
    monkeypatch.setitem(sys.modules, "mamba_ssm", None)
    mamba_ssm._selective_scan_fn.cache_clear()
    yield
    mamba_ssm._selective_scan_fn.cache_clear()


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.float32, "cpu"),
        (torch.bfloat16, "cpu"),
        (torch.float16, "cpu"),
        (torch.float64, "naive"),
    ],
    ids=str,
)
def test_the_choice_on_a_processor(dtype, expected):
    u = torch.zeros(1, dtype=dtype)
    assert choose_implementation(u) == expected
    assert expected in available_implementations(u)
    assert "naive" in available_implementations(u)


def test_mamba_ssm_comes_first_on_cuda(installed_mamba_ssm):
    assert choose_implementation(CUDA_FLOAT) == "mamba_ssm"


def test_triton_runs_on_cuda_without_mamba_ssm(missing_mamba_ssm):
    pytest.importorskip("triton", reason="triton is not installed")
    assert choose_implementation(CUDA_FLOAT) == "triton"
    assert available_implementations(CUDA_FLOAT) == ("naive", "triton")


def test_float64_on_cuda_is_left_to_naive(installed_mamba_ssm):
    u = SimpleNamespace(device=torch.device("cuda"), dtype=torch.float64)
    assert choose_implementation(u) == "naive"


def test_an_unknown_name_lists_the_known_ones():
    u, *rest = scan_inputs()
    names = ", ".join(IMPLEMENTATIONS)
    expected = f"unknown scan implementation 'fast'; choose auto or one of {names}"
    with pytest.raises(ValueError) as error:
        selective_scan(u, *rest, implementation="fast")
    assert str(error.value) == expected
    with pytest.raises(ValueError) as error, use_implementation("fast"):
        pytest.fail("the block must not be entered")
    assert str(error.value) == expected


def test_an_implementation_that_cannot_run_here_says_so(missing_mamba_ssm):
    arguments = scan_inputs()
    with pytest.raises(ValueError, match=r"the mamba_ssm scan can't run on torch\.float32 tensors"):
        selective_scan(*arguments, implementation="mamba_ssm")
    with pytest.raises(ValueError, match=r"available: naive") as error:
        selective_scan(*(x.double() for x in arguments), implementation="cpu")
    assert "torch.float64" in str(error.value)


def test_use_implementation_holds_for_its_block_alone():
    u = torch.zeros(1)
    with use_implementation("naive"):
        assert choose_implementation(u) == "naive"
        assert choose_implementation(u, "cpu") == "cpu"
        with use_implementation("cpu"):
            assert choose_implementation(u) == "cpu"
        assert choose_implementation(u) == "naive"
        with ThreadPoolExecutor(1) as other_thread:
            assert other_thread.submit(choose_implementation, u).result() == "cpu"
    assert choose_implementation(u) == "cpu"


def test_use_implementation_ends_with_an_error_too():
    with pytest.raises(KeyError), use_implementation("naive"):
        raise KeyError
    assert choose_implementation(torch.zeros(1)) == "cpu"


def test_the_named_implementation_is_the_one_that_runs():
    arguments = scan_inputs()
    exact = naive.selective_scan(*arguments)
    assert torch.equal(selective_scan(*arguments, implementation="naive"), exact)
    with use_implementation("naive"):
        assert torch.equal(selective_scan(*arguments), exact)


def test_reverse_flips_around_a_forward_only_scan():
    u, delta, A, B, C = scan_inputs(dtype=torch.float64)
    out, state = selective_scan(u, delta, A, B, C, return_last_state=True, reverse=True)
    flipped, same_state = naive.selective_scan(
        u.flip(-1), delta.flip(-1), A, B.flip(-1), C.flip(-1), return_last_state=True
    )
    assert torch.equal(out, flipped.flip(-1))
    assert torch.equal(state, same_state)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"u": (2, 3, 0)}, r"u must be \(B, E, L\) with L >= 1, got \(2, 3, 0\)"),
        ({"u": (3, 5)}, r"u must be \(B, E, L\) with L >= 1, got \(3, 5\)"),
        ({"delta": (2, 3, 4)}, r"delta must be \(2, 3, 5\) to fit u, got \(2, 3, 4\)"),
        ({"A": (4, 2)}, r"A must be \(3, 2\) to fit u, got \(4, 2\)"),
        ({"B": (2, 5, 2)}, r"B must be \(2, 2, 5\) to fit u, got \(2, 5, 2\)"),
        ({"C": (1, 2, 5)}, r"C must be \(2, 2, 5\) to fit u, got \(1, 2, 5\)"),
        ({"D": (1,)}, r"D must be \(3,\) to fit u, got \(1,\)"),
        ({"z": (2, 3, 6)}, r"z must be \(2, 3, 5\) to fit u, got \(2, 3, 6\)"),
        ({"delta_bias": (3, 1)}, r"delta_bias must be \(3,\) to fit u, got \(3, 1\)"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_shapes_that_do_not_fit(changed, message):
    arguments = dict(zip(("u", "delta", "A", "B", "C"), scan_inputs(), strict=True))
    arguments |= {name: torch.zeros(shape) for name, shape in changed.items()}
    with pytest.raises(ValueError, match=message):
        selective_scan(**arguments)


@pytest.mark.parametrize("failure", [ImportError, OSError, RuntimeError], ids=lambda e: e.__name__)
def test_a_broken_mamba_ssm_counts_as_missing_and_is_tried_once(monkeypatch, failure):
    attempts = []

    class Broken(ModuleType):
        def __getattr__(self, name):
            if name == "selective_scan_fn":
                attempts.append(name)
                raise failure("undefined symbol")
            raise AttributeError(name)

    for name in ("mamba_ssm", "mamba_ssm.ops"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    interface = "mamba_ssm.ops.selective_scan_interface"
    monkeypatch.setitem(sys.modules, interface, Broken(interface))
    mamba_ssm._selective_scan_fn.cache_clear()
    try:
        assert not mamba_ssm.supports(CUDA_FLOAT)
        assert not mamba_ssm.supports(CUDA_FLOAT)
    finally:
        mamba_ssm._selective_scan_fn.cache_clear()
    assert len(attempts) == 1


def test_mamba_ssm_is_never_chosen_for_a_processor(installed_mamba_ssm):
    assert "mamba_ssm" not in available_implementations(torch.zeros(1))


@pytest.mark.parametrize(
    ("dtypes", "called_with"),
    [
        ({}, torch.float32),
        ({"all": torch.bfloat16}, torch.bfloat16),
        ({"u": torch.float16}, torch.float32),
        ({"all": torch.bfloat16, "z": torch.float16}, torch.float32),
    ],
    ids=["float32", "bfloat16", "half u among float32", "two half types"],
)
def test_mamba_ssm_is_called_by_its_rules(installed_mamba_ssm, dtypes, called_with):
    u, delta, A, B, C = scan_inputs()
    tokens = {"u": u, "delta": delta.abs(), "B": B, "C": C, "z": delta}
    tokens = {
        name: x.to(dtypes.get(name, dtypes.get("all", x.dtype)))
        .transpose(1, 2)
        .contiguous()
        .transpose(1, 2)
        for name, x in tokens.items()
    }
    weights = {"A": A.double(), "D": torch.ones(6)[::2], "delta_bias": torch.ones(3).bfloat16()}
    arguments = {**tokens, **weights, "delta_softplus": True, "return_last_state": True}
    out, state = mamba_ssm.selective_scan(**arguments)
    assert installed_mamba_ssm == [called_with]
    assert out.dtype == tokens["u"].dtype
    assert state.dtype == torch.float32
    arguments |= {name: x.double() for name, x in (tokens | weights).items()}
    exact_out, exact_state = naive.selective_scan(**arguments)
    tolerance = 0.05 if out.dtype == torch.bfloat16 else 2e-3
    assert (out - exact_out).abs().max() < tolerance * exact_out.abs().max()
    assert (state - exact_state).abs().max() < 1e-5 * exact_state.abs().max()


def test_mamba_ssm_refuses_a_gradient_through_the_last_state(installed_mamba_ssm):
    arguments = [x.requires_grad_() for x in scan_inputs()]
    out, state = mamba_ssm.selective_scan(*arguments, return_last_state=True)
    out.sum().backward()
    assert arguments[0].grad.abs().sum() > 0
    out, state = mamba_ssm.selective_scan(*arguments, return_last_state=True)
    with pytest.raises(RuntimeError, match="drops the gradient of its last state"):
        (out.sum() + state.sum()).backward()
