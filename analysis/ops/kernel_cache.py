"""Where compiled kernels are kept, so that compiling happens once a machine.

Numba looks only at the file of the kernel itself to see whether a cached version is stale. Our
kernels also depend on the functions they inline, so the folder's name carries a hash of every
kernel source.
"""

import hashlib
import os
from pathlib import Path

import numba


def _source_hash() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        source = path.read_bytes()
        if b"import njit" in source or b"llvmlite" in source:
            digest.update(source)
    return digest.hexdigest()[:12]


def use_kernel_cache() -> Path:
    """Points Numba's cache at a folder of this version of the kernels and returns the folder.

    A folder chosen by the user through NUMBA_CACHE_DIR is kept as the parent.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    parent = os.environ.get("NUMBA_CACHE_DIR") or Path(home) / "scanscope" / "kernels"
    folder = Path(parent) / _source_hash()
    numba.config.CACHE_DIR = str(folder)
    return folder
