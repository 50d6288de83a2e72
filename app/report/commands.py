"""The commands that give a report's numbers again, on any machine with the clip and the weights."""

import shlex
from collections.abc import Iterator

from analysis.ops.scan_order import FIXED_ORDER
from app.report.findings import Findings
from app.selection import Selection

SHOWN_CLASSES = 5


def commands(findings: Findings) -> Iterator[str]:
    """Lines for a shell that give every result of the report the command line can compute."""
    selection = findings.selection
    yield _command("predict", selection, "--top", str(SHOWN_CLASSES))
    if findings.orders:
        names = ",".join(row["scan_order"] for row in findings.orders)
        yield _command("compare-scans", selection, "--orders", names, ordered=False)
    if findings.layer is not None:
        proof = ("--method", "exact", "--token", "readout", "--score", "signed_share")
        yield _command("explain", selection, *proof)
    for one in findings.classes:
        names = " ".join(found["method"] for found in one.maps)
        target = str(one.explained.index)
        line = _command("explain", selection, "--target", target)
        yield f'for method in {names}; do {line} --method "$method"; done'


def _command(name: str, selection: Selection, *options: str, ordered: bool = True) -> str:
    setting = [
        *("--model", selection.model),
        *("--frames", str(selection.num_frames)),
        *("--image-size", str(selection.image_size)),
    ]
    if ordered and selection.scan_order != FIXED_ORDER:
        setting += ["--scan-order", selection.scan_order]
    clip = selection.clip_name
    start = ["python", "-m", "analysis", name, f"./{clip}" if clip.startswith("-") else clip]
    return shlex.join([*start, *setting, *options, "--json"])
