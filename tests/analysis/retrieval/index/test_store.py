"""The table of windows: what is written once stays once, and goes when it is removed."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.records import StoredVideo
from analysis.retrieval.index.store import WindowStore

# Names that a careless condition would trip over.
NAMES = ("a.mp4", 'folder/it\'s 100% "odd" \\ _.mp4', "Größe 漢字.mp4")


def vectors(count, width=6, seed=0):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def test_rows_come_back_as_they_were(store, records, settings, rows):
    given = [record for name in NAMES for record in records(name, vectors(3))]
    assert not store.exists
    assert len(store) == 0
    assert store.add(given, settings) == 9
    assert store.settings() == settings
    kept = rows(store)
    expected = sorted(given, key=lambda record: (record.video, record.number))
    for row, record in zip(kept, expected, strict=True):
        assert row["id"] == record.id
        for name in ("video", "content_hash", "number", "windows", "t0", "t1", "thumbnail"):
            assert row[name] == getattr(record, name)
        np.testing.assert_array_equal(np.float32(row["embedding"]), record.embedding)
        assert {name: row[name] for name in settings.row()} == settings.row()
    assert len({row["id"] for row in kept}) == 9
    # Another connection finds the same.
    assert rows(WindowStore(store.uri)) == kept


def test_what_is_there_is_not_added_again(store, records, settings):
    first, other = records("a.mp4", vectors(5)), records("b.mp4", vectors(2))
    assert store.add(first[:3], settings) == 3
    assert store.add([], settings) == 0
    assert store.videos() == (StoredVideo("a.mp4", "hash of a.mp4", 3, 5),)
    assert not store.videos()[0].complete
    assert store.numbers("a.mp4", "hash of a.mp4") == {0, 1, 2}
    assert store.add([*first, *other], settings) == 4
    assert len(store) == 7
    assert all(video.complete for video in store.videos())


def test_two_connections_add_the_same(store, records, settings):
    given = records("a.mp4", vectors(4))
    store.add(given[:1], settings)
    # Opened before the other writes.
    other = WindowStore(store.uri)
    assert store.add(given[1:3], settings) == 2
    assert other.add(given, settings) == 1
    assert len(store) == len(other) == 4


@pytest.mark.parametrize("name", NAMES)
def test_videos_are_removed_one_by_one(store, records, settings, name):
    for known in NAMES:
        store.add(records(known, vectors(3)), settings)
    assert store.delete([name]) == 3
    assert {video.video for video in store.videos()} == set(NAMES) - {name}
    assert store.delete([name]) == 0
    assert store.delete([]) == 0


def test_an_older_content_is_removed(store, records, settings):
    store.add(records("a.mp4", vectors(3)), settings)
    store.add(records("a.mp4", vectors(2), content_hash="newer"), settings)
    assert [video.content_hash for video in store.videos()] == ["hash of a.mp4", "newer"]
    assert store.delete(["a.mp4"], keep_hash="newer") == 3
    assert [video.content_hash for video in store.videos()] == ["newer"]


def test_a_copy_has_its_own_rows(store, records, settings, rows):
    store.add(records("a.mp4", vectors(3)), settings)
    assert store.copy_video("hash of a.mp4", "a.mp4", "b.mp4") == 3
    assert store.copy_video("hash of a.mp4", "a.mp4", "b.mp4") == 0
    a, b = rows(store)[:3], rows(store)[3:]
    for one, other in zip(a, b, strict=True):
        assert (one["video"], other["video"]) == ("a.mp4", "b.mp4")
        assert one["id"] != other["id"]
        assert one["embedding"] == other["embedding"]
    given = records("b.mp4", vectors(3), content_hash="hash of a.mp4")
    assert {row["id"] for row in b} == {record.id for record in given}


def test_columns_by_id(store, records, settings):
    given = records("a.mp4", vectors(3))
    store.add(given, settings)
    found = store.column("thumbnail", [given[2].id, given[0].id])
    assert found == {given[0].id: b"a.mp4 0", given[2].id: b"a.mp4 2"}
    assert store.column("thumbnail", []) == {}


def test_windows_of_two_models_are_noticed(store, records, settings):
    store.add(records("a.mp4", vectors(3)), settings)
    store.add(records("b.mp4", vectors(2)), replace(settings, weights_hash="other"))
    with pytest.raises(RetrievalError, match=r"mixes windows of several models .* replace it"):
        store.settings()


def test_finishing_keeps_every_row(store, records, settings, rows):
    for number in range(4):
        store.add(records(f"{number}.mp4", vectors(2, seed=number)), settings)
    before = rows(store)
    store.finish()
    assert rows(store) == before
    assert not store.approximate


@pytest.mark.parametrize(
    ("sentence", "failures", "calls"),
    [
        ("Retryable commit conflict", 2, 3),
        ("Retryable commit conflict", 99, 10),
        ("disk full", 9, 1),
    ],
    ids=["conflict", "no_end", "other"],
)
def test_a_write_that_another_got_in_the_way_of_is_done_again(
    store, records, settings, monkeypatch, sentence, failures, calls
):
    store.add(records("a.mp4", vectors(3)), settings)
    called = []

    def optimize(table):
        called.append(table)
        if len(called) <= failures:
            raise RuntimeError(f"lance error: {sentence}, /some/where/source.rs:12:3")

    monkeypatch.setattr(type(store.table), "optimize", optimize)
    monkeypatch.setattr("analysis.retrieval.index.store._WAIT_S", 0)
    if failures < 3:
        store.optimize()
    else:
        with pytest.raises(RetrievalError, match=f"cannot be used: lance error: {sentence}\\.$"):
            store.optimize()
    assert len(called) == calls


def test_clearing(store, records, settings):
    store.clear()
    store.add(records("a.mp4", vectors(3)), settings)
    store.clear()
    assert not store.exists
    # Vectors of another width fit afterwards.
    store.add(records("a.mp4", vectors(3, width=8)), settings)
    assert store.width == 8


def test_stores_that_cannot_be_used_are_one_sentence(tmp_path, records, settings):
    with pytest.raises(RetrievalError, match=r"There is no index at .*absent; make one with"):
        WindowStore(tmp_path / "absent").videos()
    assert not (tmp_path / "absent").exists()
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RetrievalError, match="cannot be used") as caught:
        WindowStore(tmp_path / "file" / "store").add(records("a.mp4", vectors(3)), settings)
    assert "\n" not in str(caught.value)
    with pytest.raises(RetrievalError, match="cannot be used"):
        WindowStore("nowhere://store")
