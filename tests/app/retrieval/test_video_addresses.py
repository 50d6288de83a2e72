"""Videos are served by their addresses alone, whole and in part."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.video_addresses import VideoAddresses
from tests.app.retrieval.conftest import CLIPS

CLIP = CLIPS / "mocap_kick.mp4"


@pytest.fixture
def addresses():
    return VideoAddresses()


@pytest.fixture
def client(addresses):
    with TestClient(Starlette(routes=[addresses.route()])) as client:
        yield client


def test_a_file_has_one_address_that_does_not_name_it(addresses):
    first = addresses.address(CLIP)
    assert first == addresses.address(CLIP) != addresses.address(CLIPS / "mocap_walk.mp4")
    assert "kick" not in first and VideoAddresses().address(CLIP) != first
    assert len(first.partition("/")[2]) >= 20


def test_parts_are_given_as_players_ask_for_them(addresses, client):
    content, address = CLIP.read_bytes(), addresses.address(CLIP)
    assert client.get(f"/{address}").content == content
    part = client.get(f"/{address}", headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, content[100:300])
    assert part.headers["content-type"] == "video/mp4"


def test_nothing_else_is_served(addresses, client, tmp_path):
    gone = tmp_path / "gone.mp4"
    gone.write_bytes(b"video")
    address = addresses.address(gone)
    gone.unlink()
    for asked in (address, "videos/unknown", f"videos/{CLIP}", "videos/..%2F..%2Fetc%2Fpasswd"):
        assert client.get(f"/{asked}").status_code == 404
