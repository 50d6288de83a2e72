"""What is known about one set of weights before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from analysis.video.preprocess import Preprocessing

Training = Literal["trained", "toy", "zero-shot", "untrained"]


class WeightsError(Exception):
    """Weights that cannot be found, fetched, read or fitted; the message is one sentence."""


@dataclass(frozen=True)
class WeightsCard:
    """One set of weights: where it is, what it was trained on, how to feed it.

    architecture: the name ``create_model`` knows; ``tag`` tells weights of one architecture apart.
    training: "trained" by the authors of the paper, "toy" (trained here on made material),
        "zero-shot" (a trained CLIP that learned none of its classes, in a model whose own part is
        untrained) or "untrained" (published initialisation).
    data: what it was trained on, one phrase; empty when untrained.
    labels: name of the label order for ``analysis.video.labels``; None without named classes.
    overrides: arguments for ``create_model`` that make the model the tensors fit.
    num_frames: frames per clip; None for an image model.
    image_size: side of the square input in pixels.
    scan_order, readout: as trained (as published for untrained weights); None where the model has
        nothing to choose.
    file: name inside the checkpoint folder or on the hub; None when untrained.
    hub_repo: repository on the Hugging Face hub; None when the file is shipped or not needed.
    reported_accuracy: top-1 in percent, as ``accuracy_note`` specifies; None when not reported.
    views: (clips, crops) per video behind ``reported_accuracy``; None when it does not apply.
    word_pieces: those of a text encoder by their numbers, where it has its own and not
        that of BERT.
    sampling: the frame rule of the data set ("k400" or "ssv2", see ``analysis.video.sampling``).
    sha256: of the file, when it is shipped.
    """

    name: str
    architecture: str
    tag: str
    family: str
    training: Training
    data: str
    labels: str | None
    overrides: Mapping[str, Any]
    num_frames: int | None
    image_size: int
    scan_order: str | None
    readout: str | None
    preprocessing: Preprocessing
    file: str | None = None
    hub_repo: str | None = None
    licence: str | None = None
    reported_accuracy: float | None = None
    accuracy_note: str = ""
    note: str = ""
    views: tuple[int, int] | None = None
    word_pieces: tuple[str, ...] = field(default=(), repr=False)
    sampling: str = "k400"
    sha256: str | None = field(default=None, repr=False)
