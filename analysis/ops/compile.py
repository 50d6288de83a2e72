"""`python -m analysis.ops.compile`: compiles the kernels once, so that no request ever waits."""

import time


def compile_kernels() -> float:
    """Compiles the processor kernels or loads them from the cache; returns the seconds it took.

    Kernels are compiled when their modules are imported: their signatures are fixed.
    """
    began = time.perf_counter()
    from analysis.ops import (  # noqa: F401
        causal_conv_kernels,
        gate_kernels,
        impulse_kernels,
        memory_backward_kernels,
        memory_kernels,
        norm_kernels,
        two_way_kernels,
    )
    from analysis.ops.selective_scan import cpu_kernels  # noqa: F401

    return time.perf_counter() - began


if __name__ == "__main__":
    print(f"Kernels ready in {compile_kernels():.1f} s")
