"""On the meta device the selective scan gives shapes and dtypes, those of a real scan."""

import pytest
import torch

from analysis.models import create_model
from analysis.ops.scan_order import SCAN_ORDERS
from analysis.ops.selective_scan import selective_scan


def scanned(dtype, device, **options):
    batch, inner, states, length = 2, 6, 4, 5
    u, delta = (torch.zeros(batch, inner, length, dtype=dtype, device=device) for _ in range(2))
    A = torch.zeros(inner, states, device=device)
    B, C = (torch.zeros(batch, states, length, dtype=dtype, device=device) for _ in range(2))
    return selective_scan(u, delta, A, B, C, **options)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_shapes_and_dtypes_are_those_of_a_real_scan(dtype, state, reverse):
    options = {"return_last_state": state, "reverse": reverse}
    found, expected = (scanned(dtype, device, **options) for device in ("meta", "cpu"))
    pairs = zip(found, expected, strict=True) if state else [(found, expected)]
    for shape_only, real in pairs:
        assert shape_only.is_meta
        assert (shape_only.shape, shape_only.dtype) == (real.shape, real.dtype)


def test_shapes_that_do_not_fit_are_refused_without_numbers_too():
    u = torch.zeros(1, 2, 3, device="meta")
    with pytest.raises(ValueError, match="delta must be"):
        selective_scan(u, u[:, :, :2], u[0, :, :2], u, u)


@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_models_of_any_length_pass_at_once(scan_order):
    with torch.device("meta"):
        model = create_model("videomamba_debug", num_frames=1024, scan_order=scan_order)
        clip = torch.empty(1, 3, 1024, 16, 16)
    with torch.inference_mode():
        assert model(clip).shape == (1, 5)
