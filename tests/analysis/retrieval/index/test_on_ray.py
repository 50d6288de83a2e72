"""A build spread over Ray leaves the rows that one here leaves."""

import shutil

import numpy as np
import pytest

from analysis import ray_cluster
from analysis.ray_cluster import ADDRESS
from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.build import chosen_spread
from analysis.retrieval.index.store import WindowStore


@pytest.fixture
def library(tmp_path, clips_folder):
    folder = tmp_path / "library"
    folder.mkdir()
    for name in ("mocap_kick.mp4", "mocap_walk.mp4"):
        shutil.copy(clips_folder / name, folder)
    (folder / "broken.mp4").write_text("no video")
    return folder


# Ray warns of options of its own that it sets itself.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")
@pytest.mark.thorough
def test_the_same_rows_on_a_local_ray(library, tmp_path, build, rows, monkeypatch):
    ray = pytest.importorskip("ray", reason="Ray is an optional requirement")
    monkeypatch.delenv(ADDRESS, raising=False)
    here = WindowStore(tmp_path / "here")
    expected = build(library, here)[-1]
    monkeypatch.setenv(ADDRESS, "local")
    there = WindowStore(tmp_path / "there")
    try:
        said = build(library, there)
    finally:
        ray.shutdown()
    monkeypatch.delenv(ADDRESS)
    again = build(library, there)[-1]
    assert said[-1].added == expected.added == len(rows(here))
    assert len(said[-1].problems) == 1 and "broken.mp4" in said[-1].problems[0]
    assert [now.done for now in said if now.doing == "embedding"] == [1, 2, 3]
    assert (again.added, again.unchanged) == (0, 2)
    kept, others = (sorted(rows(store), key=lambda row: row["id"]) for store in (here, there))
    assert [row["id"] for row in kept] == [row["id"] for row in others]
    for one, other in zip(kept, others, strict=True):
        # Threads share sums differently from one machine to the next.
        np.testing.assert_allclose(one["embedding"], other["embedding"], atol=1e-5)
        assert one["thumbnail"] == other["thumbnail"]


def test_without_an_address_videos_are_embedded_here(monkeypatch):
    monkeypatch.delenv(ADDRESS, raising=False)
    assert chosen_spread() is None


def test_ray_that_is_missing_is_one_sentence(monkeypatch):
    monkeypatch.setenv(ADDRESS, "local")
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None)
    with pytest.raises(RetrievalError, match="RAY_ADDRESS is set but Ray is not installed; run"):
        chosen_spread()
