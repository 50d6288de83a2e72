"""Lists of the small real clips."""

from pathlib import Path

import pytest

from analysis.training.listed.list_file import ListFile

NAMES = (
    "mocap_walk.mp4",
    "mocap_kick.mp4",
    "mocap_crawl.mp4",
    "mocap_cartwheel.mp4",
    "mocap_getup_faceup.mp4",
)


@pytest.fixture
def list_of(tmp_path, clips_folder):
    """A function that writes lines to a list over the test clips and gives its ListFile."""

    def write(lines, name="train.csv", **fields) -> ListFile:
        path = tmp_path / name
        path.write_text("\n".join(lines), encoding="utf-8")
        return ListFile(str(path), **{"root": str(clips_folder), **fields})

    return write


@pytest.fixture
def five_clips(list_of) -> ListFile:
    """Five clips of five classes, in the K400 format."""
    return list_of([f"{name} {number}" for number, name in enumerate(NAMES)], classes=5)


@pytest.fixture
def broken_clip(tmp_path) -> Path:
    """A file under a video's name that is none."""
    path = tmp_path / "broken.mp4"
    path.write_text("not a video")
    return path
