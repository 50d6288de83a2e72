"""Kernels on several threads: every block once, from many callers at a time, and after a fork."""

import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from analysis.ops.parallel import part_length, run_blocks
from analysis.ops.selective_scan import selective_scan


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("blocks", [0, 1, 2, 7, 64])
def test_every_block_is_covered_once(monkeypatch, blocks, threads):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    covered, lock = [], threading.Lock()

    def kernel(first, last, *arguments):
        assert arguments == ("a", 2)
        with lock:
            covered.extend(range(first, last))

    run_blocks(kernel, blocks, "a", 2)
    assert sorted(covered) == list(range(blocks))


@pytest.mark.parametrize(
    ("length", "width", "expected"),
    [(1, 1, 1), (257, 128, 257), (512, 128, 256), (3137, 384, 157), (3, 1 << 20, 1)],
)
def test_parts_are_even_near_and_worth_their_threads(monkeypatch, length, width, expected):
    """Four threads: one part below 2 * 2**15 numbers; then as many each, of at most 2**16."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    assert part_length(length, width) == expected


def test_parts_run_at_the_same_time(two_threads):
    meeting = threading.Barrier(2, timeout=20)
    run_blocks(lambda first, last: meeting.wait(), 2)


@pytest.mark.parametrize("failing_block", [0, 1], ids=["calling thread", "pool thread"])
def test_an_error_in_a_kernel_reaches_the_caller(two_threads, failing_block):
    def kernel(first, last):
        if first == failing_block:
            raise FloatingPointError("broken block")

    with pytest.raises(FloatingPointError, match="broken block"):
        run_blocks(kernel, 2)


def scan_inputs(seed):
    """Arguments of a scan with work for several threads, and an output gradient."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    u, delta, out = (normal(2, 130, 40) for _ in range(3))
    leaves = [u, delta.abs(), -normal(130, 4).exp(), normal(2, 4, 40), normal(2, 4, 40)]
    return [x.requires_grad_() for x in leaves], out


def scan_with_gradients(leaves, g_out):
    out = selective_scan(*leaves, delta_softplus=True, implementation="cpu")
    return [out.detach(), *torch.autograd.grad(out, leaves, g_out)]


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_two_python_threads_scan_at_once(two_threads):
    inputs = [scan_inputs(seed) for seed in (1, 2)]
    alone = [scan_with_gradients(*one) for one in inputs]
    start = threading.Barrier(2, timeout=20)

    def repeat(one):
        start.wait()
        return [scan_with_gradients(*one) for _ in range(15)]

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(repeat, inputs))
    for expected, found in zip(alone, together, strict=True):
        assert all(same(expected, one) for one in found)


def test_the_number_of_threads_does_not_change_a_bit(two_threads):
    inputs = scan_inputs(3)
    several = scan_with_gradients(*inputs)
    torch.set_num_threads(1)
    assert same(scan_with_gradients(*inputs), several)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_can_scan(two_threads):
    # The inputs are made before the fork: PyTorch's own OpenMP operators may hang after one.
    inputs = scan_inputs(4)
    expected = scan_with_gradients(*inputs)  # the parent's pool exists before the fork

    def child():
        assert same(scan_with_gradients(*inputs), expected)

    process = multiprocessing.get_context("fork").Process(target=child, daemon=True)
    process.start()
    process.join(60)
    if process.is_alive():
        process.kill()
        pytest.fail("the scan hangs in a forked child")
    assert process.exitcode == 0
