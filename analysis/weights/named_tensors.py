"""Tensors by the name of weights or of a file."""

from pathlib import Path

from torch import Tensor

from analysis.weights.card import WeightsError
from analysis.weights.catalogue import weights_card
from analysis.weights.hub import fetch_checkpoint
from analysis.weights.reading import read_checkpoint


def named_tensors(source: str) -> dict[str, Tensor]:
    """The tensors of a checkpoint file, or of weights by their name.

    Raises WeightsError, one sentence.
    """
    if Path(source).suffix in (".safetensors", ".pth", ".pt", ".bin"):
        return read_checkpoint(Path(source))
    card = weights_card(source)
    if card.file is None:
        raise WeightsError(f"{source} is untrained; leave the initial weights out instead.")
    return read_checkpoint(fetch_checkpoint(card))
