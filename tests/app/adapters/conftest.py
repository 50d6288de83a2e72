"""A session with an empty cache and one short clip, looked at once for all tests."""

from pathlib import Path

import pytest

from app.moma_models import MomaSetting
from app.moma_runs import MomaLook, MomaReach, moma_look, moma_reach
from app.selection import Selection
from app.session import Session
from app.settings import Settings

CLIP = Path(__file__).parents[2] / "data" / "clips" / "mocap_kick.mp4"


@pytest.fixture(scope="package")
def session(tmp_path_factory) -> Session:
    return Session(Settings(cache_folder=tmp_path_factory.mktemp("adapters")))


@pytest.fixture(scope="package")
def short() -> Selection:
    """Four frames, whatever model the sidebar names."""
    return Selection(str(CLIP), "videomamba_mini.untrained", 4, 64, "spatial_first")


@pytest.fixture(scope="package")
def untrained() -> MomaSetting:
    return MomaSetting()


@pytest.fixture(scope="package")
def look(session, short, untrained) -> MomaLook:
    return moma_look(session, short, untrained)


@pytest.fixture(scope="package")
def reach(session, short, untrained) -> MomaReach:
    return moma_reach(session, short, untrained, (1, 0, 5))
