"""Making libraries of real clips with the small model."""

import shutil

import pytest

from analysis.retrieval.errors import RetrievalError
from app.library_builds import (
    Making,
    build_library,
    checked_making,
    is_outdated,
    library_facts,
    made_otherwise,
)
from app.video_text import DEFAULT_VIDEO_TEXT
from tests.app.retrieval.conftest import CLIPS, MAKING


def built(video_text, library, making=MAKING, **options):
    return list(build_library(video_text, library, making, **options))


def test_a_folder_is_made_and_brought_up_to_date(libraries, clip_folder, video_text):
    library = libraries.of_folder(str(clip_folder))
    assert library_facts(library).windows == {}
    said = [words for words, _ in built(video_text, library)]
    # Windows of 1 s every 0.5 s: clips of 3 s have 5, the one of 1.52 s has 2.
    assert library_facts(library).windows == {
        "inside/mocap_crawl.mp4": 5,
        "mocap_kick.mp4": 2,
        "mocap_walk.mp4": 5,
    }
    assert said[-1] == "The library is up to date: 12 windows added"
    assert any(words.startswith("Embedding mocap_kick.mp4, video 2 of 3, about") for words in said)
    (clip_folder / "inside" / "mocap_crawl.mp4").unlink()
    shutil.copy(CLIPS / "mocap_walk.mp4", clip_folder / "again.mp4")
    (clip_folder / "notes.mp4").write_text("These are notes.")
    words, progress = built(video_text, library)[-1]
    assert words == (
        "The library is up to date: 2 videos as before, 1 videos under a new name, "
        "1 videos gone, 1 files left out"
    )
    assert len(progress.problems) == 1 and "notes.mp4" in progress.problems[0]
    assert set(library_facts(library).windows) == {"again.mp4", "mocap_kick.mp4", "mocap_walk.mp4"}


def test_a_build_that_was_stopped_goes_on(libraries, clip_folder, video_text):
    library = libraries.of_folder(str(clip_folder))
    steps = build_library(video_text, library, MAKING)
    for words, _ in steps:
        if words.startswith("Embedding mocap_walk.mp4"):
            break
    steps.close()
    assert built(video_text, library)[-1][1].doing == "done"
    assert sum(library_facts(library).windows.values()) == 12


def test_other_settings_are_noticed_and_replace_only_when_asked(libraries, clip_folder, video_text):
    library = libraries.of_folder(str(clip_folder))
    assert made_otherwise(video_text, library, MAKING) == "" and is_outdated(video_text, library)
    built(video_text, library)
    assert not is_outdated(video_text, library)
    assert made_otherwise(video_text, library, MAKING) == ""
    other = Making(DEFAULT_VIDEO_TEXT, 1.0, 1.0)
    assert made_otherwise(video_text, library, other) == "stride in seconds 0.5 instead of 1"
    with pytest.raises(RetrievalError) as refused:
        built(video_text, library, other)
    assert f'library "{library.title}" was made with stride' in str(refused.value)
    assert library.index not in str(refused.value)
    built(video_text, library, other, anew=True)
    assert library_facts(library).settings.stride_s == 1.0
    assert made_otherwise(video_text, library, other) == ""


def test_taking_a_video_out(libraries, clip_folder, video_text):
    library = libraries.of_folder(str(clip_folder))
    uploads = libraries.of_uploads([str(clip_folder / "mocap_kick.mp4")])
    for one in (library, uploads):
        built(video_text, one)
    assert libraries.remove_video(library, "mocap_kick.mp4") == 2
    assert "mocap_kick.mp4" not in library_facts(library).windows
    assert library.path_of("mocap_kick.mp4").is_file()
    assert libraries.remove_video(uploads, "mocap_kick.mp4") == 2
    assert not uploads.path_of("mocap_kick.mp4").exists()
    for video in ("mocap_kick.mp4", "../../x.mp4"):
        with pytest.raises(RetrievalError, match="There is no"):
            libraries.remove_video(library, video)
    with pytest.raises(RetrievalError, match="everybody's"):
        libraries.remove_video(libraries.examples(), "camera_pan.mp4")


@pytest.mark.parametrize(
    ("window_s", "stride_s", "words"),
    [
        pytest.param(None, 1.0, "window is empty", id="empty"),
        pytest.param(1.0, 0.0, "stride is 0 s", id="nothing"),
        pytest.param(float("nan"), 1.0, "window is nan s", id="not-a-number"),
        pytest.param(1.0, 1e6, "stride is 1e", id="too-long"),
    ],
)
def test_lengths_out_of_range_are_said(window_s, stride_s, words):
    with pytest.raises(RetrievalError, match=words):
        checked_making(DEFAULT_VIDEO_TEXT, window_s, stride_s)
