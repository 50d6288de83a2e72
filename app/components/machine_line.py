"""Where models run: the processor and the scan kernel that is chosen for it."""

import torch

from analysis.ops.selective_scan import choose_implementation

KERNEL_NAMES = {
    "naive": "reference scan",
    "cpu": "compiled CPU scan",
    "mamba_ssm": "mamba-ssm CUDA scan",
    "triton": "Triton scan",
}


def machine_line() -> str:
    kernel = KERNEL_NAMES[choose_implementation(torch.empty(1, 1, 1))]
    threads = torch.get_num_threads()
    return (
        f'<p class="machine-line"><b>CPU</b>, {threads} {"thread" if threads == 1 else "threads"} '
        f"\N{MIDDLE DOT} {kernel}</p>"
    )
