"""A folder of real clips, and a library of it, for all tests of the Retrieval tab."""

import shutil
from pathlib import Path

import pytest

from app.libraries import Libraries
from app.library_builds import Making, build_library
from app.video_text import DEFAULT_VIDEO_TEXT, VideoText

CLIPS = Path(__file__).parents[2] / "data" / "clips"
NAMES = ("mocap_walk.mp4", "mocap_kick.mp4", "mocap_crawl.mp4")
MAKING = Making(DEFAULT_VIDEO_TEXT, 1.0, 0.5)


@pytest.fixture
def clip_folder(tmp_path):
    """Three clips, one of them in a folder inside."""
    folder = tmp_path / "clips"
    (folder / "inside").mkdir(parents=True)
    for name in NAMES[:2]:
        shutil.copy(CLIPS / name, folder)
    shutil.copy(CLIPS / NAMES[2], folder / "inside")
    return folder


@pytest.fixture(scope="package")
def video_text():
    return VideoText(2**30)


@pytest.fixture
def libraries(tmp_path):
    return Libraries(tmp_path / "libraries", keep_uploads_s=3600)


@pytest.fixture(scope="package")
def made_library(tmp_path_factory, video_text):
    """A library that is made, for tests that only ask it."""
    root = tmp_path_factory.mktemp("made")
    folder = root / "clips"
    folder.mkdir()
    for name in NAMES:
        shutil.copy(CLIPS / name, folder)
    library = Libraries(root / "libraries", 3600).of_folder(str(folder))
    list(build_library(video_text, library, MAKING))
    return library
