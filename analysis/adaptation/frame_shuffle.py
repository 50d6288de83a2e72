"""What a MoMa, and the frozen tower it adapts, make of a clip whose frames change places.

The mean over frames of what a frozen tower says cannot depend on their order; what scans say can.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from analysis.adaptation.errors import AdaptationError
from analysis.models.moma import Moma


@dataclass(frozen=True, eq=False)
class FrameShuffle:
    """One clip in several orders of its frames.

    orders: for every order which frame stands where; time reversed first.
    cosine, frozen_cosine: float64 (orders,), of the clip's embedding in an order with that in the
        real one: of the model, and of the frozen tower's mean over frames.
    probabilities: float64 (1 + orders, classes), the real order first.
    """

    orders: tuple[tuple[int, ...], ...]
    cosine: np.ndarray
    frozen_cosine: np.ndarray
    probabilities: np.ndarray

    @property
    def turned(self) -> int:
        """In how many orders another class leads than in the real one."""
        leaders = self.probabilities.argmax(1)
        return int((leaders[1:] != leaders[0]).sum())


@torch.no_grad()
def frame_shuffle(
    model: Moma, clip: Tensor, generator: np.random.Generator, shuffles: int = 8
) -> FrameShuffle:
    """A clip (C, T, H, W) reversed, and in `shuffles` random orders that are not the real one.

    Raises AdaptationError for a clip of one frame.
    """
    frames = clip.shape[1]
    if frames < 2:
        raise AdaptationError("A clip of one frame has no order to change; choose more frames.")
    orders = [tuple(reversed(range(frames))), *_orders(frames, shuffles, generator)]
    embeddings, frozen, answers = [], [], []
    for order in (tuple(range(frames)), *orders):
        ordered = clip[:, list(order)][None]
        embeddings.append(model.encode_clips(ordered)[0])
        frozen.append(model.encode_frozen(ordered)[0])
        answers.append(model.head(embeddings[-1][None])[0].double().softmax(0))
    return FrameShuffle(
        orders=tuple(orders),
        cosine=_with_first(embeddings),
        frozen_cosine=_with_first(frozen),
        probabilities=torch.stack(answers).numpy(),
    )


def _orders(frames: int, count: int, generator: np.random.Generator) -> list[tuple[int, ...]]:
    orders: list[tuple[int, ...]] = []
    while len(orders) < count:
        order = tuple(int(frame) for frame in generator.permutation(frames))
        if order != tuple(range(frames)):
            orders.append(order)
    return orders


def _with_first(embeddings: list[Tensor]) -> np.ndarray:
    """Cosines of all but the first with the first; in float64, where they are 1 for equal ones."""
    stacked = torch.stack(embeddings).double()
    return torch.cosine_similarity(stacked[1:], stacked[:1], dim=1).numpy()
