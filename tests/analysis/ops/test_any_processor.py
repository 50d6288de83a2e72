"""The compiled kernels as a processor without AVX-512 runs them: the same tests once more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
KERNELS = ("test_selective_scan.py", "test_two_way.py", "test_memory_scan.py")


@pytest.mark.thorough
def test_kernels_compiled_for_any_processor():
    """Numba is told to compile for the oldest processor there is.

    States that hardly fade are among the cases: an exponential a little too large or too small
    would make them drift.
    """
    child = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        + [str(FOLDER / name) for name in KERNELS],
        cwd=FOLDER.parents[2],
        env={**os.environ, "NUMBA_CPU_NAME": "generic"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert child.returncode == 0, child.stdout[-4000:] + child.stderr[-2000:]
