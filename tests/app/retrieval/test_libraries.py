"""Which libraries there are, whose they are, and what is in them."""

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from analysis.retrieval.errors import RetrievalError
from app.libraries import MOST_UPLOADS, Libraries, no_videos
from app.local_visitor import is_local
from app.settings import Settings

CLIP = Path(__file__).parents[2] / "data" / "clips" / "mocap_kick.mp4"


@pytest.fixture
def uploads(tmp_path):
    """Uploaded files by name, as the server receives them: each in a folder of its own."""

    def send(*names):
        paths = []
        for number, name in enumerate(names):
            folder = tmp_path / f"upload-{time.monotonic_ns()}-{number}"
            folder.mkdir()
            shutil.copy(CLIP, folder / name)
            paths.append(str(folder / name))
        return paths

    return send


def test_a_folder_is_always_the_same_library(libraries, clip_folder):
    first = libraries.of_folder(str(clip_folder))
    again = libraries.of_folder(f'  "{clip_folder}/inside/.."  ')
    assert first == again and first.title == str(clip_folder)
    assert first.path_of("inside/mocap_crawl.mp4").is_file()
    assert libraries.find(first.key, True, ()) == libraries.find(first.title, True, ()) == first


@pytest.mark.parametrize("folder", ["", "  ", "/nowhere/at/all", str(CLIP)])
def test_what_is_no_folder_is_said(libraries, folder):
    with pytest.raises(RetrievalError, match=r"is no folder on this machine; give .*\.$"):
        libraries.of_folder(folder)


def test_who_sees_what(libraries, clip_folder, uploads):
    folder = libraries.of_folder(str(clip_folder))
    mine, others = (libraries.of_uploads(uploads(name)) for name in ("a.mp4", "b.mp4"))
    examples = libraries.examples()

    def seen(local, *own):
        return {one.key for one in libraries.shown(local, own)}

    assert seen(True) == {examples.key, folder.key, mine.key, others.key}
    assert seen(False) == {examples.key}
    # The key of a folder can be computed from its path, so it opens nothing to others.
    assert seen(False, mine.key, folder.key) == {examples.key, mine.key}
    with pytest.raises(RetrievalError, match=r"no library .* choose one of: Example clips"):
        libraries.find(folder.key, False, (folder.key,))
    assert libraries.find(examples.key, False, ()) == examples


def test_uploads_of_one_name_stay_apart_and_others_are_refused(libraries, uploads):
    library = libraries.of_uploads([*uploads("a.mp4"), *uploads("a.mp4", "notes.txt")])
    more = libraries.of_uploads(uploads("a.mp4"), library)
    assert more == library
    names = sorted(path.name for path in Path(library.videos).iterdir())
    assert names == ["a (2).mp4", "a (3).mp4", "a.mp4"]
    (sentence,) = no_videos(["/tmp/x/notes.txt", "/tmp/x/a.MP4"])
    assert sentence == '"notes.txt" is no video by its name and is left out.'
    with pytest.raises(RetrievalError, match="None of the 1 files is a video"):
        libraries.of_uploads(uploads("notes.txt"))
    with pytest.raises(RetrievalError, match=f"holds {MOST_UPLOADS} uploaded videos"):
        libraries.of_uploads(uploads("a.mp4") * MOST_UPLOADS, library)


def test_uploads_nobody_used_for_long_go_and_folders_stay(libraries, clip_folder, uploads):
    folder = libraries.of_folder(str(clip_folder))
    old, young = (libraries.of_uploads(uploads("a.mp4")) for _ in range(2))
    long_ago = time.time() - 3700
    for library in (folder, old, young):
        os.utime(Path(library.index).parent / "library.json", (long_ago, long_ago))
    libraries.find(young.key, False, (young.key,))  # Choosing it is using it.
    libraries.remove_old()
    kept = {one.key for one in libraries.shown(True, ())}
    assert kept == {"examples", folder.key, young.key}
    assert not Path(old.videos).exists() and CLIP.exists() and clip_folder.is_dir()


def test_half_a_library_is_passed_over(tmp_path, libraries, clip_folder):
    folder = libraries.of_folder(str(clip_folder))
    (Path(folder.index).parent / "library.json").write_text("{")
    assert libraries.shown(True, ()) == (libraries.examples(),)
    assert Libraries(tmp_path / "none", 1).shown(True, ()) == (
        Libraries(tmp_path / "none", 1).examples(),
    )


@pytest.mark.parametrize(
    ("host", "client", "headers", "expected"),
    [
        pytest.param("127.0.0.1", "127.0.0.1", {}, True, id="laptop"),
        pytest.param("::1", "::1", {}, True, id="laptop-v6"),
        pytest.param("0.0.0.0", "127.0.0.1", {}, False, id="open-server"),
        pytest.param("127.0.0.1", "10.0.0.7", {}, False, id="from-elsewhere"),
        pytest.param("127.0.0.1", "127.0.0.1", {"X-Forwarded-For": "1.2.3.4"}, False, id="proxy"),
        pytest.param("127.0.0.1", "127.0.0.1", {"forwarded": "for=1.2.3.4"}, False, id="proxy-2"),
    ],
)
def test_who_sits_at_the_machine(host, client, headers, expected):
    request = SimpleNamespace(client=SimpleNamespace(host=client), headers=headers)
    assert is_local(Settings(host=host), request) is expected
    assert not is_local(Settings(host=host), None)
