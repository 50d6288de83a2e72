"""Memory that passes free is kept for the next pass instead of going back to the system.

The C library's allocator on Linux hands the top of its heap back as soon as it is free, and every
layer of every pass then has its pages made and zeroed anew.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
KEPT_BYTES = 512 * 1024**2
"""Free memory at the top of the heap that is kept."""
HEAP_BYTES = 256 * 1024**2
"""Larger single tensors are mapped by themselves, and go back when they are freed."""


def keep_freed_memory() -> bool:
    """Sets the allocator of this process so; whether it could be set.

    Called by programs at their start, not on import: it concerns the whole process. Only the
    allocator of glibc knows these settings. Freed memory can still be returned with `malloc_trim`,
    which measurements of memory do.
    """
    if not sys.platform.startswith("linux"):
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return False
    settings = ((_TRIM_THRESHOLD, KEPT_BYTES), (_MMAP_THRESHOLD, HEAP_BYTES))
    return all(set_option(option, value) == 1 for option, value in settings)
