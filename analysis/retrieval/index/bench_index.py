"""How fast an index of many windows answers, and how much the approximate one misses."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import cycle, islice

import numpy as np

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.records import IndexSettings, WindowRecord
from analysis.retrieval.index.search import search_text
from analysis.retrieval.index.store import WindowStore
from analysis.tracing.interleaved import interleaved_timings

DEPTH = 10
_WINDOWS_A_VIDEO, _TOPICS, _FEWEST = 50, 100, 1000
_ROWS_A_COMMIT = 10_000
_SETTINGS = IndexSettings("made-up vectors", "spatial_first", "none", 1, 1, 4.0, 2.0)


@dataclass(frozen=True)
class SearchTiming:
    """One way of searching, timed in turn with the others in one process.

    way: "approximate" and "exact", the nearest ten windows in the store; "moments", the search of
        the command line, which puts overlapping windows together; "in memory", products of all
        embeddings in NumPy, without a store.
    recall_at_10: share of the ten nearest by NumPy among those found, over all queries; None for
        moments.
    build_s: what it took to write the rows, and to make the approximate index.
    """

    way: str
    windows: int
    width: int
    median_ms: float
    fastest_ms: float
    recall_at_10: float | None
    build_s: float | None
    queries: int
    runs: int
    cores: int

    def row(self) -> dict:
        """As JSON."""
        return asdict(self)


def bench_index(
    windows: int = 100_000, *, width: int = 512, queries: int = 50, rounds: int = 7, seed: int = 0
) -> tuple[SearchTiming, ...]:
    """Times searches among made-up windows in a store on disk, which is removed afterwards.

    Windows of a video are near each other, videos of a topic less so; a query has a cosine of
    about 0.45 with one window, and those of texts and videos are lower still. Time depends little
    on that, recall does. Raises RetrievalError for fewer than 1000 windows.
    """
    if windows < _FEWEST:
        raise RetrievalError(f"{windows} windows were asked for; choose {_FEWEST} or more.")
    generator = np.random.default_rng(seed)
    embeddings = made_up_windows(windows, width, generator)
    asked = made_up_queries(embeddings, queries, generator)
    with tempfile.TemporaryDirectory() as folder:
        store = WindowStore(folder)
        written_s = _elapsed_s(lambda: _write(store, embeddings))
        indexed_s = _elapsed_s(store.make_approximate)
        return _timings(store, embeddings, asked, rounds, written_s, indexed_s)


def made_up_windows(windows: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Unit vectors float32 (windows, width), those of a video one after the other."""
    videos = -(-windows // _WINDOWS_A_VIDEO)
    topics = _unit(generator, _TOPICS, width)[generator.integers(0, _TOPICS, videos)]
    places = _normalized(topics + _unit(generator, videos, width))
    own = np.repeat(places, _WINDOWS_A_VIDEO, axis=0)[:windows]
    return _normalized(own + 0.5 * _unit(generator, windows, width))


def made_up_queries(
    embeddings: np.ndarray, queries: int, generator: np.random.Generator
) -> np.ndarray:
    """Unit vectors float32 (queries, width), each somewhat like one of the windows."""
    chosen = embeddings[generator.integers(0, len(embeddings), queries)]
    return _normalized(0.5 * chosen + _unit(generator, *chosen.shape))


def _timings(
    store: WindowStore,
    embeddings: np.ndarray,
    asked: np.ndarray,
    rounds: int,
    written_s: float,
    indexed_s: float,
) -> tuple[SearchTiming, ...]:
    ways: dict[str, Callable[[np.ndarray], list[int]]] = {
        "approximate": lambda direction: _rows(store, direction, exact=False),
        "exact": lambda direction: _rows(store, direction, exact=True),
        "in memory": lambda direction: _largest(embeddings, direction),
    }
    truths = [set(_largest(embeddings, direction)) for direction in asked]
    recall = {way: _recall(find, asked, truths) for way, find in ways.items()}
    every = {"moments": lambda direction: search_text(store, direction, top=DEPTH), **ways}
    timings = interleaved_timings(
        {way: _asking(find, asked) for way, find in every.items()}, rounds=rounds
    )
    built_s = {"approximate": written_s + indexed_s, "exact": written_s}
    return tuple(
        SearchTiming(
            way=way,
            windows=len(embeddings),
            width=embeddings.shape[1],
            median_ms=timing.median_ms,
            fastest_ms=timing.fastest_ms,
            recall_at_10=recall.get(way),
            build_s=built_s.get(way),
            queries=len(asked),
            runs=timing.runs,
            cores=len(os.sched_getaffinity(0)),
        )
        for way, timing in timings.items()
    )


def _asking(find: Callable[[np.ndarray], object], asked: np.ndarray) -> Callable[[], object]:
    """A call that asks another question every time."""
    questions = cycle(asked)
    return lambda: find(next(questions))


def _rows(store: WindowStore, direction: np.ndarray, exact: bool) -> list[int]:
    rows = store.nearest(direction, DEPTH, ["video", "number"], exact=exact)
    return [_WINDOWS_A_VIDEO * int(row["video"]) + row["number"] for row in rows]


def _largest(embeddings: np.ndarray, direction: np.ndarray) -> list[int]:
    return np.argpartition(-(embeddings @ direction), DEPTH)[:DEPTH].tolist()


def _recall(
    find: Callable[[np.ndarray], list[int]], asked: np.ndarray, truths: list[set[int]]
) -> float:
    found = sum(
        len(truth.intersection(find(direction)))
        for direction, truth in zip(asked, truths, strict=True)
    )
    return found / (DEPTH * len(asked))


def _write(store: WindowStore, embeddings: np.ndarray) -> None:
    records = _records(embeddings)
    while some := list(islice(records, _ROWS_A_COMMIT)):
        store.add(some, _SETTINGS)
    store.optimize()


def _records(embeddings: np.ndarray) -> Iterator[WindowRecord]:
    for place, embedding in enumerate(embeddings):
        video, number = divmod(place, _WINDOWS_A_VIDEO)
        yield WindowRecord(
            video=str(video),
            content_hash=str(video),
            number=number,
            windows=_WINDOWS_A_VIDEO,
            t0=_SETTINGS.stride_s * number,
            t1=_SETTINGS.stride_s * number + _SETTINGS.window_s,
            embedding=embedding,
            thumbnail=b"",
            width=640,
            height=360,
            fps=25.0,
            duration_s=_SETTINGS.stride_s * _WINDOWS_A_VIDEO + 2.0,
        )


def _unit(generator: np.random.Generator, count: int, width: int) -> np.ndarray:
    return _normalized(generator.standard_normal((count, width), dtype=np.float32))


def _normalized(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _elapsed_s(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
