"""A session with the small camera model and one clip, for all tests of the Masking tab."""

from pathlib import Path

import pytest

from app.selection import Selection
from app.session import Session
from app.settings import Settings

CLIP = Path(__file__).parents[2] / "data" / "clips" / "mocap_kick.mp4"
MINI = Selection(str(CLIP), "videomamba_mini.camera", 8, 64, "spatial_first")


@pytest.fixture(scope="package")
def session(tmp_path_factory):
    return Session(Settings(cache_folder=tmp_path_factory.mktemp("masking")))


@pytest.fixture(scope="package")
def mini():
    return MINI
