"""Step sizes from their low-rank form against NumPy in float64, with this processor and any."""

import numpy as np
import pytest
from numba import njit

from analysis.ops import low_rank_steps as module
from analysis.ops.lane_code import LANES


@pytest.mark.parametrize("processor", ["this processor", "any processor"])
@pytest.mark.parametrize(("rank", "size"), [(1, 1), (3, 6), (12, 16)])
@pytest.mark.parametrize("way", [1, -1])
def test_equals_the_product(monkeypatch, processor, rank, size, way):
    if processor == "any processor":
        monkeypatch.setattr(module, "AVX512", False)
    function = njit(module.low_rank_steps.py_func)
    generator = np.random.default_rng(rank)
    row = rank + 5  # B and C stand beside the low-rank step sizes
    selection = generator.standard_normal((size, row)).astype(np.float32)
    weight = generator.standard_normal((rank, LANES)).astype(np.float32)
    offset = generator.standard_normal((1, LANES)).astype(np.float32) - 4
    steps = np.zeros((16, LANES), np.float32)
    at = 0 if way == 1 else (size - 1) * row
    function(steps, selection.reshape(-1), at, way * row, weight, offset, size)
    product = selection[::way, :rank].astype(np.float64) @ weight
    np.testing.assert_allclose(steps[:size], np.logaddexp(0, product + offset), rtol=1e-5)
