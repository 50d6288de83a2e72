"""The peak reading against allocations of known size."""

import sys

import pytest
import torch

from analysis.tracing import peak_memory
from analysis.tracing.peak_memory import RESIDENT_PEAK, UNMEASURED, measure_peak_memory

MIB = 2**20

linux_only = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="resident peaks are read from Linux's /proc"
)


def allocate(mib: int) -> float:
    """Holds `mib` MiB twice for a moment, then gives it back."""
    block = torch.ones(mib * MIB // 4)
    return (block * 2).sum().item()


@linux_only
@pytest.mark.parametrize("mib", [8, 32, 128])
def test_a_transient_allocation_is_seen_although_it_is_gone_afterwards(mib):
    _, peak = measure_peak_memory(lambda: allocate(mib))
    assert peak.method == RESIDENT_PEAK
    assert peak.memory_bytes == pytest.approx(2 * mib * MIB, rel=0.15, abs=2 * MIB)


@linux_only
def test_an_earlier_larger_peak_does_not_count():
    allocate(256)
    _, peak = measure_peak_memory(lambda: allocate(8))
    assert peak.memory_bytes < 32 * MIB


@linux_only
def test_what_is_held_before_the_call_is_baseline():
    held = torch.ones(64 * MIB // 4)
    total, peak = measure_peak_memory(held.sum)
    assert total.item() == 16 * MIB
    assert peak.memory_bytes < 16 * MIB


def test_the_result_and_errors_of_the_call_pass_through():
    result, _ = measure_peak_memory(lambda: "done")
    assert result == "done"
    with pytest.raises(RuntimeError, match="from inside"):
        measure_peak_memory(_fail)


def _fail():
    raise RuntimeError("from inside")


def test_a_system_without_readings_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(peak_memory, "_STATUS", tmp_path / "missing")
    monkeypatch.setattr(peak_memory, "_CLEAR_REFS", tmp_path / "no folder" / "missing")
    result, peak = measure_peak_memory(lambda: 7)
    assert (result, peak.memory_bytes, peak.method) == (7, None, UNMEASURED)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_peak_is_the_size_of_the_tensors():
    _, peak = measure_peak_memory(lambda: torch.ones(16 * MIB, device="cuda") * 2, "cuda")
    assert peak.memory_bytes == pytest.approx(2 * 64 * MIB, rel=0.05)
