"""Every video of an annotated list against every text, for the page and for programs."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from torch import Tensor

from analysis.retrieval.annotations import DATA_SETS, Annotations, data_set_of, read_annotations
from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.evaluation import ListScores, score_list
from analysis.retrieval.scores import TOP, UNSCORED
from app.libraries import Library
from app.match_runs import Report, model_facts
from app.video_text import VideoText

MOST_PAIRS = 250_000
"""Videos times texts of a list that the page scores; the command has no limit."""
_LISTS_TRIED = 20
_LIST_BYTES = 32 * 1024**2
_STAGES = {"videos": (0.0, 0.6), "texts": (0.6, 0.7), "pairs": (0.7, 1.0)}


def library_list(library: Library, uploaded: str | None) -> Annotations:
    """The annotated list of a library: an uploaded one, else one that lies in its folder.

    Names in an uploaded list are relative to the library, those of another to the list's place.
    Raises RetrievalError where there is none, and for one that cannot be used or is too long.
    """
    with library.named():
        found = _read(Path(uploaded), Path(library.videos)) if uploaded else _lying_in(library)
    pairs = len(found.videos) * len(found.texts)
    if pairs > MOST_PAIRS:
        raise RetrievalError(
            f"The list has {len(found.videos)} videos and {len(found.texts)} texts, {pairs} pairs; "
            f"the page scores up to {MOST_PAIRS}, `python -m analysis evaluate-retrieval` any."
        )
    return found


def scored_list(
    video_text: VideoText,
    annotations: Annotations,
    model: str,
    report_share: Callable[[float], None] = lambda share: None,
    *,
    top: int = TOP,
) -> Report:
    """Both score tables of a list, texts in rows, with the figures of the published evaluation.

    `report_share` is told how far it is, 0..1. Raises RetrievalError, WeightsError and, for a
    `top` below 1, ValueError.
    """

    def heard(doing: str, done: int, total: int) -> None:
        start, end = _STAGES[doing]
        report_share(start + (end - start) * done / total)

    with video_text.loaded(model) as loaded:
        begun, pieces = time.perf_counter(), video_text.pieces(model)
        scores = score_list(loaded, annotations, pieces, top=top, heard=heard)
        took_ms = 1000 * (time.perf_counter() - begun)
        return {**model_facts(loaded), **_tables(scores), "latency_ms": took_ms}


def _tables(scores: ListScores) -> Report:
    listed = scores.annotations
    return {
        "video_names": [path.name for path in listed.videos],
        "captions": list(listed.texts),
        "belonging": [list(videos) for videos in listed.text_videos],
        "similarities": scores.similarities.T.tolist(),
        "match_logits": _known(scores.matched.text_to_video),
        # Depths become text, as in every JSON.
        **json.loads(json.dumps(scores.evaluation().as_dict())),
    }


def _known(logits: Tensor) -> list[list[float | None]]:
    return [[None if one == UNSCORED else one for one in row] for row in logits.tolist()]


def _lying_in(library: Library) -> Annotations:
    """The first list in the library's folder, or one level below, that can be used."""
    tried = list(_lists(Path(library.videos)))
    for path in tried[:_LISTS_TRIED]:
        try:
            return _read(path, path.parent)
        except RetrievalError:
            continue
    raise RetrievalError(
        f'There is no annotated list in "{library.title}"; upload one: JSON, objects with "video", '
        'a file of the library, and "caption".'
    )


def _lists(folder: Path) -> Iterator[Path]:
    for pattern in ("*.json", "*/*.json"):
        yield from sorted(folder.glob(pattern))


def _read(path: Path, videos: Path) -> Annotations:
    if path.stat().st_size > _LIST_BYTES:
        raise RetrievalError(
            f"The list {path.name} has more than {_LIST_BYTES // 1024**2} MB; send a shorter one."
        )
    return read_annotations(path, videos, DATA_SETS[data_set_of(path)], inside=True)
