"""Builds that are killed, and builds at the same time: nothing is lost, nothing doubled."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.retrieval.index import build as build_module
from analysis.retrieval.index.store import WindowStore

pytestmark = pytest.mark.usefixtures("one_thread")
ROOT = Path(__file__).parents[4]
OPTIONS = {"window_s": 0.5, "stride_s": 0.1}
# Builds as the library does, with small commits; says what is written, waits to be told to go on.
BUILDER = """
import sys
import torch
import analysis.__main__
from analysis.retrieval.index import build, search
from analysis.retrieval.index import build as build_module
from analysis.retrieval.index.store import WindowStore
from analysis.weights.retrieval import load_retrieval_model
torch.set_num_threads(1)
build.WINDOWS_A_COMMIT = 8
name, folder, uri = sys.argv[1:]
loaded = load_retrieval_model(name)
# It takes seconds to import, which an app that opens no index must not wait for.
assert "lancedb" not in sys.modules
store = WindowStore(uri)
print("ready", flush=True)
sys.stdin.readline()
for now in build.build_index(loaded, folder, store, window_s=0.5, stride_s=0.1):
    print(now.doing, now.added, flush=True)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory, clips_folder):
    folder = tmp_path_factory.mktemp("library")
    for name in ("mocap_walk.mp4", "mocap_crawl.mp4", "mocap_kick.mp4"):
        shutil.copy(clips_folder / name, folder)
    return folder


@pytest.fixture
def start(weights_name, library):
    """Starts a builder; it is ended with the test."""
    started = []

    def start(uri):
        process = subprocess.Popen(
            [sys.executable, "-c", BUILDER, weights_name, str(library), str(uri)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def go(process):
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.fixture
def uninterrupted(build, library, tmp_path, rows):
    store = WindowStore(tmp_path / "uninterrupted")
    build(library, store, **OPTIONS)
    return rows(store)


def test_a_build_that_is_killed_goes_on(start, build, library, store, rows, uninterrupted):
    builder = start(store.uri)
    assert builder.stdout.readline() == "ready\n", builder.communicate()[1]
    go(builder)
    for line in builder.stdout:
        doing, added = line.rsplit(maxsplit=1)
        # In the second video, with windows of it that are written and others that are not.
        if int(added) >= 24:
            os.kill(builder.pid, signal.SIGKILL)
            break
    assert builder.wait() == -signal.SIGKILL
    assert doing == "embedding"

    found = WindowStore(store.uri)
    left = rows(found)
    assert 24 <= len(left) < len(uninterrupted)
    by_id = {row["id"]: row for row in uninterrupted}
    assert all(row == by_id[row["id"]] for row in left)
    said = build(library, found, **OPTIONS)
    assert rows(found) == uninterrupted
    assert said[-1].added == len(uninterrupted) - len(left)


@pytest.mark.thorough
def test_builds_at_the_same_time(start, build, library, store, rows, uninterrupted, monkeypatch):
    monkeypatch.setattr(build_module, "WINDOWS_A_COMMIT", 8)
    builder = start(store.uri)
    assert builder.stdout.readline() == "ready\n", builder.communicate()[1]
    go(builder)
    added = build(library, store, **OPTIONS)[-1].added
    out, err = builder.communicate(timeout=120)
    assert builder.returncode == 0, err
    assert out.splitlines()[-1].startswith("done")
    assert rows(store) == uninterrupted
    # Each window was written by one of them.
    assert added + int(out.split()[-1]) == len(uninterrupted)
