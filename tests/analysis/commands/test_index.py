"""`index` and `search` as their users call them, with a model that was never trained."""

import json
import shutil

import pytest
import torch

from analysis.__main__ import main
from analysis.models import create_model
from analysis.text.word_pieces import VOCABULARY_VARIABLE
from analysis.weights.hub import FOLDER_VARIABLE

pytestmark = pytest.mark.usefixtures("one_thread")
NAME = "videomamba_retrieval_debug.trial"


@pytest.fixture(scope="module")
def folder(video_text_folder, clips_folder):
    folder = video_text_folder
    (folder / "library").mkdir()
    for name in ("mocap_walk.mp4", "mocap_kick.mp4"):
        shutil.copy(clips_folder / name, folder / "library")
    return folder


@pytest.fixture
def call(capsys, monkeypatch, folder):
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    monkeypatch.setenv(VOCABULARY_VARIABLE, str(folder / "vocab.txt"))

    def call(*arguments):
        code = main(list(map(str, arguments)))
        return code, capsys.readouterr()

    return call


@pytest.fixture
def index(call, folder, tmp_path):
    """Calls `index` on the library, with other options where they are given."""

    def index(*options, library=folder / "library", store=tmp_path / "store"):
        cut = ("--window-s", 1, "--stride-s", 0.5)
        return call("index", library, "--store", store, "--weights", NAME, *cut, *options)

    return index


@pytest.fixture
def search(call, tmp_path):
    def search(*options, store=tmp_path / "store"):
        return call("search", "--store", store, *options)

    return search


def test_a_folder_is_indexed_and_searched(index, search):
    code, printed = index("--json")
    assert code == 0, printed
    built = json.loads(printed.out)
    assert (built["videos"], built["problems"], built["model"]) == (2, [], NAME)
    assert built["windows"] == built["added"] == 7
    code, printed = search("A man walks.", "--top", 3, "--json")
    assert code == 0, printed
    rows = json.loads(printed.out)
    assert len(rows) == 3
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    for row in rows:
        assert set(row) == {"video", "t0", "t1", "score"}
        assert row["video"] in ("mocap_walk.mp4", "mocap_kick.mp4")
        assert 0.9 < row["t1"] - row["t0"] < 1.1
        assert -1 <= row["score"] <= 1


def test_tables_for_people(index, search, folder):
    code, printed = index()
    assert code == 0
    assert f"7 windows of 1 s every 0.5 s, by {NAME} (toy), spatial_first" in printed.out
    assert "2 videos: 7 windows added, 0 videos as they were" in printed.out
    code, printed = index()
    assert "2 videos: 0 windows added, 2 videos as they were" in printed.out
    code, printed = search(
        "--clip", folder / "library" / "mocap_kick.mp4", "--video", "mocap_kick.mp4"
    )
    assert code == 0
    header, first, *_ = printed.out.splitlines()
    assert header.split() == ["video", "t0", "t1", "score"]
    assert first.startswith("mocap_kick.mp4")


def test_a_part_of_a_clip_finds_itself(index, search, folder):
    index()
    clip = folder / "library" / "mocap_kick.mp4"
    code, printed = search(
        "--clip", clip, "--clip-from-s", 0.5, "--clip-to-s", 1.5, "--top", 1, "--json"
    )
    assert code == 0, printed
    (found,) = json.loads(printed.out)
    assert (found["video"], found["t0"]) == ("mocap_kick.mp4", pytest.approx(0.5, abs=0.05))
    assert found["score"] == pytest.approx(1, abs=1e-4)
    code, printed = search("--clip", clip, "--clip-from-s", 60, "--json")
    assert code == 1
    assert "has no frame from 60 s" in json.loads(printed.out)["error"]


def test_unreadable_files_and_long_texts_are_said(index, search, folder, tmp_path):
    library = shutil.copytree(folder / "library", tmp_path / "library")
    (library / "broken.mp4").write_text("no video")
    code, printed = index(library=library)
    assert code == 1
    assert "broken.mp4" in printed.err
    assert "Left out, see above: 1." in printed.out
    code, printed = search("a man " * 10, "--json")
    assert code == 0
    assert "The text is too long; its last 6 word pieces do not count." in printed.err
    assert json.loads(printed.out)


def test_videos_are_deleted(index, search, call, tmp_path):
    index()
    code, printed = call("index", "--store", tmp_path / "store", "--delete", "mocap_walk.mp4")
    assert code == 0
    assert printed.out == "5 windows removed, 2 are left.\n"
    _, printed = search("a man", "--json")
    assert {row["video"] for row in json.loads(printed.out)} == {"mocap_kick.mp4"}
    code, printed = call("index", "--store", tmp_path / "store", "--delete", "absent.mp4")
    assert code == 1
    assert "has no video absent.mp4." in printed.err


def test_another_model_is_refused_or_replaces(index, search):
    index()
    code, printed = index("--scan-order", "temporal_first")
    assert code == 1
    assert "was made with scan order spatial_first instead of temporal_first" in printed.err
    code, printed = index("--scan-order", "temporal_first", "--replace", "--json")
    assert code == 0
    assert json.loads(printed.out)["added"] == 7
    # The search runs the model as the index says.
    assert search("a man")[0] == 0


def test_a_search_with_other_weights_is_refused(index, search, folder, tmp_path):
    index()
    state = create_model("videomamba_retrieval_debug").state_dict()
    torch.save(state, tmp_path / "other.pth")
    code, printed = search("a man", "--weights-file", tmp_path / "other.pth")
    assert code == 1
    assert "was made with weights" in printed.err
    assert "search with the model it was made with" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("search", "a man", "--store", "STORE"), "There is no index at"),
        (("search", "--store", "STORE"), "Give a text to look for, or a clip with --clip."),
        (("search", "a", "--clip", "b.mp4", "--store", "STORE"), "Give a text to look for, or"),
        (("index", "--store", "STORE"), "Name the folder of videos to index"),
        (("index", "absent", "--store", "STORE", "--weights", NAME), "is no folder"),
        (("index", "EMPTY", "--store", "STORE", "--weights", NAME), "has no videos in it"),
        (("index", "EMPTY", "--store", "STORE", "--weights", "none"), "no weights called 'none'"),
        (("index", "--store", "STORE", "--delete", "a.mp4"), "There is no index at"),
    ],
    ids=["no_store", "nothing", "both", "no_folder", "absent", "empty", "weights", "delete"],
)
def test_what_cannot_be_is_one_sentence(call, tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    places = {"STORE": tmp_path / "absent_store", "EMPTY": tmp_path / "empty"}
    arguments = [places.get(argument, argument) for argument in arguments]
    code, printed = call(*arguments)
    assert code == 1
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    code, printed = call(*arguments, "--json")
    assert message in json.loads(printed.out)["error"]
