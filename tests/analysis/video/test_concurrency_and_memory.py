"""Several requests at once, and large frames: measured in a process of their own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
CLIPS = ROOT / "tests" / "data" / "clips"


def run(code: str, *arguments: str | Path, timeout_s: float = 60) -> dict:
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=timeout_s,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-800:]
    return json.loads(child.stdout)


THREADS = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from analysis.video.decode import decode_frames
jobs = [(path, list(range(start, 38, 7))) for start in range(6) for path in sys.argv[1:]]
def work(job):
    return decode_frames(*job, short_side=32).pixels
alone = [work(job) for job in jobs]
with ThreadPoolExecutor(2) as pool:
    together = list(pool.map(work, jobs))
same = [bool(np.array_equal(a, b)) for a, b in zip(alone, together, strict=True)]
print(json.dumps({"same": same}))
"""


def test_two_threads_read_at_once(write_clip, tmp_path: Path) -> None:
    """The same and different clips, decord and PyAV mixed; sharing a reader would abort."""
    av1 = write_clip(
        tmp_path / "a.mp4", codec="libsvtav1", frames=40, options={"preset": "12", "g": "10"}
    )
    same = run(THREADS, CLIPS / "mocap_walk.mp4", CLIPS / "mocap_kick.mp4", av1)["same"]
    assert len(same) == 18 and all(same)


MEMORY = """
import json, resource, sys
from analysis.video import decord_reader
from analysis.video.decode import decode_frames
if sys.argv[2] == "pyav":
    decord_reader.decord = None
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
decoded = decode_frames(sys.argv[1], range(16), short_side=224)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
shape, grown_mb = decoded.pixels.shape, grown / 1024
print(json.dumps({"grown_mb": grown_mb, "shape": shape, "decoder": decoded.decoder}))
"""


@pytest.fixture(scope="module")
def clip_4k(tmp_path_factory: pytest.TempPathFactory, write_clip) -> Path:
    return write_clip(
        tmp_path_factory.mktemp("large") / "4k.mp4",
        width=3840,
        height=2160,
        frames=16,
        options={"preset": "ultrafast"},
    )


@pytest.mark.parametrize("decoder", ["decord", "pyav"])
def test_4k_is_scaled_while_it_is_decoded(clip_4k: Path, decoder: str) -> None:
    """16 frames of 4K are 398 MB of RGB; scaled on the way they must never all exist."""
    result = run(MEMORY, clip_4k, decoder)
    assert result["shape"] == [16, 224, 398, 3]
    assert result["decoder"] == decoder
    assert result["grown_mb"] < np.prod([16, 3840, 2160, 3]) / 2**20 * 0.7
