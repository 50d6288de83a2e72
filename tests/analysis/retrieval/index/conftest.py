"""Indexes made of real clips, and of made-up vectors."""

import numpy as np
import pytest

from analysis.retrieval.index.build import build_index
from analysis.retrieval.index.records import IndexSettings, WindowRecord
from analysis.retrieval.index.store import WindowStore

WINDOW_S, STRIDE_S = 1.0, 0.5
SETTINGS = IndexSettings("made.up", "spatial_first", "abc", 4, 16, WINDOW_S, STRIDE_S)


@pytest.fixture
def store(tmp_path):
    return WindowStore(tmp_path / "store")


@pytest.fixture
def build(loaded):
    """Builds to the end; gives what was said."""

    def build(folder, store, **options):
        options = {"window_s": WINDOW_S, "stride_s": STRIDE_S, **options}
        return list(build_index(loaded, folder, store, **options))

    return build


def made_up(video, embeddings, stride_s=1.0, **changes):
    """Records of a video with these embeddings, windows of 2 s every `stride_s` s."""
    return [
        WindowRecord(
            **{
                "video": video,
                "content_hash": f"hash of {video}",
                "number": number,
                "windows": len(embeddings),
                "t0": stride_s * number,
                "t1": stride_s * number + 2.0,
                "embedding": np.asarray(embedding, np.float32),
                "thumbnail": f"{video} {number}".encode(),
                "width": 64,
                "height": 48,
                "fps": 25.0,
                "duration_s": stride_s * (len(embeddings) - 1) + 2.0,
                **changes,
            }
        )
        for number, embedding in enumerate(embeddings)
    ]


@pytest.fixture(scope="session")
def records():
    return made_up


@pytest.fixture(scope="session")
def settings():
    return SETTINGS


@pytest.fixture
def rows():
    """Everything a store holds, in an order of its own."""

    def rows(store):
        kept = store.table.to_arrow().to_pylist()
        return sorted(kept, key=lambda row: (row["video"], row["content_hash"], row["number"]))

    return rows
