"""An index follows its folder."""

import shutil

import numpy as np
import pytest
import torch

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index import build as build_module
from analysis.retrieval.index.build import build_index
from analysis.retrieval.index.library import content_hash
from analysis.retrieval.index.store import WindowStore
from analysis.weights.retrieval import load_retrieval_model

pytestmark = pytest.mark.usefixtures("one_thread")
CLIPS = ("mocap_kick.mp4", "mocap_walk.mp4", "mocap_getup_faceup.mp4")


@pytest.fixture
def library(tmp_path, clips_folder):
    folder = tmp_path / "library"
    (folder / "inside").mkdir(parents=True)
    for name in CLIPS[:2]:
        shutil.copy(clips_folder / name, folder)
    shutil.copy(clips_folder / CLIPS[2], folder / "inside")
    return folder


def counts(said):
    last = said[-1]
    assert last.doing == "done"
    assert last.done == last.total
    return last.added, last.unchanged, last.copied, last.removed


def test_a_folder_as_rows(library, store, build, rows):
    said = build(library, store)
    kept = rows(store)
    assert counts(said) == (len(kept), 0, 0, 0)
    assert [video.video for video in store.videos()] == [
        "inside/mocap_getup_faceup.mp4",
        "mocap_kick.mp4",
        "mocap_walk.mp4",
    ]
    for video in store.videos():
        assert video.complete
        assert video.content_hash == content_hash(library / video.video)
    assert {row["model"] for row in kept} == {"videomamba_retrieval_debug.test"}
    doing = [now.doing for now in said]
    assert doing == sorted(doing, key=["reading files", "embedding", "finishing", "done"].index)
    assert {now.video for now in said} >= {video.video for video in store.videos()}
    assert all(0 <= now.done <= now.total == 3 for now in said)


def test_only_what_changed_is_embedded(library, clips_folder, store, build, rows, monkeypatch):
    embedded = []
    original = build_module.embed_windows

    def heard(loaded, cut, numbers, video, digest):
        embedded.append(video)
        return original(loaded, cut, numbers, video, digest)

    monkeypatch.setattr(build_module, "embed_windows", heard)
    build(library, store)
    first = rows(store)
    embedded.clear()
    assert counts(build(library, store)) == (0, 3, 0, 0)
    assert embedded == []
    assert rows(store) == first

    # Renamed, changed, removed and new, all at once.
    (library / "mocap_kick.mp4").rename(library / "inside" / "kick.mp4")
    shutil.copy(clips_folder / "mocap_crawl.mp4", library / "mocap_walk.mp4")
    (library / "inside" / CLIPS[2]).unlink()
    shutil.copy(clips_folder / "mocap_cartwheel.mp4", library)
    added, unchanged, copied, removed = counts(build(library, store))
    again = set(embedded)
    assert again == {"mocap_walk.mp4", "mocap_cartwheel.mp4"}
    assert (unchanged, copied, removed) == (0, 1, 3)
    fresh = WindowStore(f"{store.uri}_fresh")
    build(library, fresh)
    assert rows(store) == rows(fresh)
    assert added == sum(row["video"] in again for row in rows(store))


def test_a_build_that_is_left_early_goes_on(library, loaded, store, build, rows, monkeypatch):
    monkeypatch.setattr(build_module, "WINDOWS_A_COMMIT", 8)
    for now in build_index(loaded, library, store, window_s=1.0, stride_s=0.3):
        if now.added:
            break
    left = rows(store)
    assert left
    build(library, store, stride_s=0.3)
    whole = WindowStore(f"{store.uri}_whole")
    build(library, whole, stride_s=0.3)
    assert rows(store) == rows(whole)
    assert len(left) < len(rows(whole))


def test_unreadable_files_are_listed_and_skipped(library, store, build):
    (library / "broken.mp4").write_text("no video")
    (library / "notes.txt").write_text("not taken for one")
    (library / ".hidden.mp4").write_text("not looked at")
    said = build(library, store)
    (problem,) = said[-1].problems
    assert "broken.mp4" in problem
    assert problem.endswith(".")
    assert (said[-1].total, len(store.videos())) == (4, 3)
    # What was readable once and is no longer has no rows.
    (library / "mocap_kick.mp4").write_text("no video either")
    assert len(build(library, store)[-1].problems) == 2
    assert {video.video for video in store.videos()} == {"inside/mocap_getup_faceup.mp4", CLIPS[1]}


def test_a_video_that_breaks_off_leaves_nothing(library, store, build, monkeypatch):
    monkeypatch.setattr(build_module, "WINDOWS_A_COMMIT", 1)
    original = build_module.embed_windows

    def breaks(loaded, cut, numbers, video, digest):
        if video == CLIPS[1] and numbers[0] > 0:
            raise build_module.VideoError("It breaks off")
        return original(loaded, cut, numbers, video, digest)

    monkeypatch.setattr(build_module, "embed_windows", breaks)
    said = build(library, store, stride_s=0.1)
    assert said[-1].problems == ("It breaks off.",)
    assert CLIPS[1] not in {video.video for video in store.videos()}


def test_folders_without_videos_are_one_sentence(tmp_path, store, build):
    with pytest.raises(RetrievalError, match=r"is no folder; name one with videos"):
        build(tmp_path / "absent", store)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RetrievalError, match=r"The folder .*empty has no videos in it \(files"):
        build(tmp_path / "empty", store)
    assert not store.exists


def test_a_folder_of_another_library_removes_nothing(library, tmp_path, clips_folder, store, build):
    build(library, store)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(clips_folder / "mocap_cartwheel.mp4", other)
    with pytest.raises(RetrievalError, match="has 3 videos, none of which is in the folder"):
        build(other, store)
    assert len(store.videos()) == 3
    # Everything moved into another folder is the same library.
    for number, name in enumerate(CLIPS):
        shutil.copy(clips_folder / name, other / f"{number}.mp4")
    added, _, copied, removed = counts(build(other, store))
    assert (copied, removed) == (3, 3)
    assert added == sum(row.stored for row in store.videos() if row.video == "mocap_cartwheel.mp4")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scan_order": "temporal_first"}, "scan order spatial_first instead of temporal_first"),
        ({"num_frames": 2}, "frames a clip 4 instead of 2"),
        ({"weights": True}, "weights [0-9a-f]{12} instead of [0-9a-f]{12}"),
        ({"window_s": 2.0}, "window in seconds 1 instead of 2"),
    ],
    ids=["order", "frames", "weights", "window"],
)
def test_other_settings_are_refused_or_replace(
    library, loaded, weights_name, tmp_path, store, build, rows, changed, message
):
    build(library, store)
    before = rows(store)
    options = {"window_s": 1.0, "stride_s": 0.5}
    if changed.pop("weights", False):
        path = tmp_path / "other.pth"
        state = loaded.model.state_dict()
        torch.save({**state, "temp": state["temp"] + 1}, path)
        changed["weights_file"] = path
    if "window_s" in changed:
        options["window_s"] = changed.pop("window_s")
    other = load_retrieval_model(weights_name, **changed)
    with pytest.raises(RetrievalError, match=f"was made with {message}; choose another store"):
        build_index(other, library, store, **options)
    assert rows(store) == before
    list(build_index(other, library, store, replace_others=True, **options))
    settings = store.settings()
    assert settings.weights_hash == other.content_hash
    assert settings.scan_order == other.model.scan_order
    assert settings.window_s == options["window_s"]
    assert len(store.videos()) == 3


def test_windows_need_a_length(library, store, build):
    with pytest.raises(RetrievalError, match=r"0 s every 0\.5 s was asked for; both have to be"):
        build(library, store, window_s=0.0)


def test_a_mixed_index_can_be_replaced(library, store, build, records, settings):
    build(library, store)
    store.add(records("stray.mp4", np.eye(12)), settings)
    with pytest.raises(RetrievalError, match="mixes windows"):
        build(library, store)
    build(library, store, replace_others=True)
    assert store.settings().model == "videomamba_retrieval_debug.test"
    assert len(store.videos()) == 3
