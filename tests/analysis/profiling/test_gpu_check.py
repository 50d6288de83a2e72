"""The GPU check, as far as it can be tried without a GPU."""

import pytest
import torch

from analysis.__main__ import main
from analysis.profiling import gpu_check
from analysis.profiling.bench_scan import ScanTiming
from analysis.profiling.gpu_check import (
    Target,
    check_scans,
    logit_error,
    paper_targets,
    scan_targets,
)
from analysis.profiling.sweep.point import Curve
from analysis.profiling.sweep.summary import Ratio, SweepSummary


def test_the_compiled_scan_passes_the_same_check():
    checks = check_scans("cpu", (1, 63))
    assert [(check.length, check.reverse) for check in checks] == [
        (length, reverse) for length in (1, 63) for reverse in (False, True)
    ]
    assert {check.implementation for check in checks} == {"cpu"}
    assert all(check.holds for check in checks), checks
    assert max(check.output_error for check in checks) > 0


@pytest.mark.parametrize("wrong", ["output_error", "state_error", "gradient_error"])
def test_a_scan_that_is_a_little_off_fails_it(monkeypatch, wrong):
    real = gpu_check.selective_scan

    def off(u, *rest, implementation, **settings):
        output, state = real(u, *rest, implementation=implementation, **settings)
        slip = 0.05 * u
        if implementation == "cpu" and wrong == "output_error":
            output = output + slip.detach()
        if implementation == "cpu" and wrong == "gradient_error":
            output = output + slip - slip.detach()
        if implementation == "cpu" and wrong == "state_error":
            state = state * 1.01
        return output, state

    monkeypatch.setattr(gpu_check, "selective_scan", off)
    check = check_scans("cpu", (9,))[0]
    assert not check.holds
    names = ("output_error", "state_error", "gradient_error")
    assert max(names, key=lambda name: getattr(check, name)) == wrong


def test_logits_of_one_device_agree_with_themselves():
    assert logit_error("cpu") == 0


def test_targets_compare_triton_with_mamba_ssm():
    def timing(name, pass_, ms):
        return ScanTiming(name, pass_, 1, 1, 1, ms, ms, 1, 0.0)

    forward, backward = scan_targets(
        [
            timing("triton", "forward", 2.0),
            timing("mamba_ssm", "forward", 3.0),
            timing("triton", "forward_backward", 5.0),
            timing("mamba_ssm", "forward_backward", 3.0),
        ]
    )
    assert (forward.measured, forward.reached) == (1.5, True)
    assert (backward.measured, backward.reached) == (0.6, False)
    assert [target.reached for target in scan_targets([])] == [None, None]


def test_the_papers_figures_are_read_at_its_own_size():
    scan, plain, flash = (
        Curve("videomamba_tiny", device="cuda"),
        Curve("timesformer_tiny_joint", "softmax", device="cuda"),
        Curve("timesformer_tiny_joint", "sdpa", device="cuda"),
    )
    ratios = (
        Ratio(scan, plain, 64, 224, 1, 12545, 7.0, 35.0),
        Ratio(scan, flash, 64, 224, 1, 12545, 9.0, 90.0),
        Ratio(scan, plain, 32, 224, 1, 6273, 99.0, 99.0),
    )
    faster, smaller = paper_targets(SweepSummary((), (), ratios))
    assert faster == Target(faster.name, 6.0, 7.0) and faster.reached
    assert smaller.measured == 35.0 and not smaller.reached
    assert paper_targets(SweepSummary((), (), ()))[0].reached is None


def test_without_a_gpu_the_command_says_so(capsys):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert main(["gpu-check"]) == 1
    said = capsys.readouterr()
    assert "torch finds no CUDA GPU here" in said.err
    assert not said.out
