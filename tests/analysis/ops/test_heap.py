"""Freed memory is kept: the second pass over the same sizes finds its pages made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# What glibc begins with; it would raise these by itself at times, which a test cannot rely on.
EAGER = os.environ | dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), "131072")
PROGRAM = """
import resource, sys
import torch
from analysis.ops.heap import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()

def touch():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(3_000_000) for _ in range(3)]
    del tensors
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(min(touch() for _ in range(12)))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_pages_are_made_once():
    def faults(how: str) -> int:
        command = [sys.executable, "-c", PROGRAM, how]
        run = subprocess.run(command, cwd=ROOT, env=EAGER, capture_output=True, check=True)
        return int(run.stdout)

    # 36 MB are 8 800 pages of 4 KiB; kept ones cost nothing once the heap has grown to its size.
    assert faults("kept") < 100 < faults("returned")
