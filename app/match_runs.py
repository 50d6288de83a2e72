"""Why a moment goes with a text, and how well several texts go with a clip."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from analysis.attribution.exact.text_match import MatchEvidence, MatchParts, match_evidence
from analysis.layers.token_grid import TokenGrid
from analysis.prediction import SampledClip
from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.evaluation import encode_clip
from analysis.retrieval.index.embeddings import encode_text
from analysis.retrieval.moment_clip import read_moment
from analysis.retrieval.text_scores import text_scores, word_drops
from analysis.text.word_pieces import WordPieces
from analysis.weights import LoadedModel
from app.video_text import DEFAULT_VIDEO_TEXT, VideoText

Report = dict[str, Any]
"""Plain JSON, for the page, the endpoint and the files that are saved."""
MOST_CAPTIONS = 200


@dataclass(frozen=True)
class MomentQuestion:
    """A part of a video and the text it is held against.

    from_s, to_s: seconds, None for the video's start and end. other: a second text; then the
    question is why the first and not this. model: name of the weights.
    """

    path: str
    text: str
    from_s: float | None = None
    to_s: float | None = None
    other: str = ""
    model: str = DEFAULT_VIDEO_TEXT


@dataclass(frozen=True, eq=False)
class ExplainedMatch:
    """The report, what was asked, and what its map is drawn on."""

    question: MomentQuestion
    report: Report
    sampled: SampledClip
    grid: TokenGrid


def moment_question(chosen: Mapping[str, Any], other: str | None) -> MomentQuestion:
    """Of a moment that was found or chosen: `path`, `t0`, `t1`, `text` and `model`."""
    return MomentQuestion(
        path=chosen["path"],
        text=chosen["text"],
        from_s=chosen["t0"],
        to_s=chosen["t1"],
        other=(other or "").strip(),
        model=chosen["model"],
    )


def explained_match(video_text: VideoText, question: MomentQuestion) -> ExplainedMatch:
    """Shares the similarity out among tokens and time steps, and leaves out word after word.

    Raises RetrievalError, VideoError, WeightsError and AttributionError, one sentence each.
    """
    with video_text.loaded(question.model) as loaded:
        begun, pieces = time.perf_counter(), video_text.pieces(question.model)
        sampled = read_moment(loaded, question.path, question.from_s, question.to_s)
        evidence = _evidence(loaded, pieces, question, sampled)
        video = encode_clip(loaded.model, sampled.clip)
        texts = [question.text, question.other] if question.other else [question.text]
        scores = [asdict(one) for one in text_scores(loaded, pieces, video, texts)]
        words = word_drops(loaded, pieces, video, question.text)
        latency_ms = 1000 * (time.perf_counter() - begun)
        report = {
            "clip": Path(question.path).name,
            "t0": question.from_s or 0.0,
            "t1": float(sampled.info.duration_s) if question.to_s is None else question.to_s,
            "text": scores[0],
            "other": scores[1] if question.other else None,
            **model_facts(loaded),
            "frame_times_s": list(sampled.frame_times_s),
            "frame_indices": list(sampled.frame_indices),
            **_evidence_facts(evidence, loaded.config.num_frames),
            "words": [asdict(word) for word in words],
            "latency_ms": latency_ms,
        }
    return ExplainedMatch(question, report, sampled, evidence.grid)


def caption_scores(
    video_text: VideoText,
    path: str,
    texts: list[str],
    *,
    from_s: float | None = None,
    to_s: float | None = None,
    model: str = DEFAULT_VIDEO_TEXT,
) -> Report:
    """Both scores of a clip with every text, the most similar first.

    Raises RetrievalError, VideoError and WeightsError, one sentence each.
    """
    if len(texts) > MOST_CAPTIONS:
        raise RetrievalError(
            f"{len(texts)} sentences came; at most {MOST_CAPTIONS} are compared at a time."
        )
    with video_text.loaded(model) as loaded:
        begun, pieces = time.perf_counter(), video_text.pieces(model)
        sampled = read_moment(loaded, path, from_s, to_s)
        found = text_scores(loaded, pieces, encode_clip(loaded.model, sampled.clip), texts)
        rows = [asdict(one) for one in sorted(found, key=lambda one: -one.similarity)]
        by_match = sorted(rows, key=lambda row: -row["match_logit"])
        for rank, row in enumerate(rows, 1):
            row["rank"], row["match_rank"] = rank, 1 + by_match.index(row)
        return {
            "clip": Path(path).name,
            **model_facts(loaded),
            "duration_s": float(sampled.info.duration_s),
            "frame_times_s": list(sampled.frame_times_s),
            "captions": rows,
            "latency_ms": 1000 * (time.perf_counter() - begun),
        }


def model_facts(loaded: LoadedModel) -> Report:
    """What every report says of the model that made it."""
    card = loaded.card
    return {
        "model": card.name,
        "training": card.training,
        "data": card.data,
        "scan_order": loaded.model.scan_order,
        "num_frames": loaded.config.num_frames,
        "image_size": loaded.config.image_size,
    }


def _evidence(
    loaded: LoadedModel, pieces: WordPieces, question: MomentQuestion, sampled: SampledClip
) -> MatchEvidence:
    direction = encode_text(loaded, pieces, question.text).directions[0]
    if question.other:
        direction = direction - encode_text(loaded, pieces, question.other).directions[0]
    return match_evidence(loaded.model, sampled.clip, direction)


def _evidence_facts(evidence: MatchEvidence, num_frames: int) -> Report:
    grid, vectors = evidence.grid, evidence.vectors
    columns = zip(
        *(x.tolist() for x in (vectors.patches, vectors.cls, vectors.constant)),
        vectors.cosines.tolist(),
        strict=True,
    )
    return {
        "similarity": evidence.similarity,
        "grid": [grid.t, grid.h, grid.w],
        "tubelet": max(1, num_frames // grid.t),
        "layer": evidence.layer,
        "levels": {name: _parts_facts(parts) for name, parts in evidence.parts.items()},
        "vectors": [
            dict(zip(("patches", "cls", "constant", "cosine"), row, strict=True)) for row in columns
        ],
    }


def _parts_facts(parts: MatchParts) -> Report:
    return {
        "tokens": parts.values.flatten().tolist(),
        "by_step": parts.values.sum((1, 2)).tolist(),
        "patches": float(parts.values.sum()),
        "cls": parts.cls_value,
        "constant": parts.constant,
        "total": parts.total,
        "completeness_error": parts.completeness_error,
    }
