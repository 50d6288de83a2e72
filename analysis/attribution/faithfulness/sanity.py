"""Sanity checks: a map has to depend on what the model learned, and on time only if it does."""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from analysis.attribution.faithfulness.agreement import rank_correlation
from analysis.attribution.method import AttributionError
from analysis.models.moma_config import ATTEND, MODULATE, MomaConfig

HEAD, EMBEDDING = "head", "embedding"
_HEADS = ("head.", "norm_f.", "distill_head.", "classifier.", "tower.ln_post.", "tower.proj")
_NUMBERED = re.compile(
    r"(?P<part>layers|adapters|modulators|tower\.transformer\.resblocks)\.(?P<number>\d+)\."
)

Explain = Callable[[nn.Module], np.ndarray]
"""Gives the map (t, h, w) of a fixed clip and class by a fixed method for a model."""


@dataclass(frozen=True, eq=False)
class RandomisedStage:
    """A map once everything from the head down to a stage has parameters of a model never trained.

    stage: what was made random last, "" before anything was. values: the map (t, h, w).
    correlation, magnitude_correlation: Spearman with the original map and of their magnitudes;
    both should fall towards 0.
    """

    stage: str
    values: np.ndarray
    correlation: float
    magnitude_correlation: float


def cascade_randomisation(
    model: nn.Module, explain: Explain, *, generator: torch.Generator, stages: int | None = None
) -> Iterator[RandomisedStage]:
    """Maps while a copy of the model loses its parameters from the head down (arXiv 1810.03292).

    The first is that of the model as it is. Stages are the head with its norm, each layer from the
    last to the first, and the embedding; by default all of them, else the head and as many layers
    evenly spread as make `stages`, where layers in between are randomised along. Parameters come
    from a model of the same configuration, initialised as before training. The model itself is
    left alone.
    """
    original = explain(model)
    yield RandomisedStage("", original, 1.0, 1.0)
    randomised = copy.deepcopy(model)
    fresh = untrained_like(model, generator)
    order = stage_parameters(model)
    shown = _shown(list(order), stages)
    for stage, names in order.items():
        _copy_parameters(fresh, randomised, names)
        if stage in shown:
            values = explain(randomised)
            yield RandomisedStage(
                stage,
                values,
                rank_correlation(original, values),
                rank_correlation(np.abs(original), np.abs(values)),
            )


def stage_parameters(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """Names of parameters by stage, from the head down: head, layers from the last, embedding.

    Buffers, such as the class directions of a head by texts, count as parameters. Layers are those
    of the trunk, the stages of VMamba, or the layers of a frozen tower with what stands in or after
    each of them.
    """
    modulated = _modulated_layers(model.config)
    names: dict[str, list[str]] = {}
    for name, _ in (*model.named_parameters(), *model.named_buffers()):
        names.setdefault(_stage(name, modulated), []).append(name)
    layers = sorted(names.keys() - {HEAD, EMBEDDING}, key=lambda s: -int(s.partition(".")[2]))
    return {stage: tuple(names[stage]) for stage in (HEAD, *layers, EMBEDDING)}


def _stage(name: str, modulated: tuple[int, ...]) -> str:
    if name.startswith(_HEADS):
        return HEAD
    found = _NUMBERED.match(name)
    if found is None:
        return EMBEDDING
    number = int(found["number"])
    return f"layers.{modulated[number] if found['part'] == 'modulators' else number}"


def _modulated_layers(config: Any) -> tuple[int, ...]:
    """After which layer of its tower each modulation of a MoMa stands; none in other models."""
    if not isinstance(config, MomaConfig):
        return ()
    steps = config.steps
    places = (at for at, step in enumerate(steps) if step == MODULATE)
    return tuple(steps[:at].count(ATTEND) - 1 for at in places)


def untrained_like(model: nn.Module, generator: torch.Generator) -> nn.Module:
    """A model of the same class and configuration as training starts from, on the same device.

    The global random state is as before afterwards.
    """
    seed = int(torch.randint(2**31, (), generator=generator, device=generator.device))
    parameter = next(model.parameters())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = type(model)(model.config)
    return fresh.to(parameter.device, parameter.dtype)


def _shown(order: list[str], stages: int | None) -> set[str]:
    if stages is None or stages >= len(order):
        return set(order)
    return {order[i] for i in np.linspace(0, len(order) - 1, max(1, stages)).round().astype(int)}


@torch.no_grad()
def _copy_parameters(source: nn.Module, target: nn.Module, names: tuple[str, ...]) -> None:
    from_source, of_target = source.state_dict(), target.state_dict()
    for name in names:
        of_target[name].copy_(from_source[name])


@dataclass(frozen=True, eq=False)
class FrameShuffle:
    """Maps of a clip and of the same clip with its time steps in another order.

    permutation: (t,), the time step of the clip that stands at each place once shuffled.
    correlation: Spearman between the two maps' sums per frame, put back in order. 1 is expected of
    a model that does not see order; of one that does, it says how much the map follows time.
    moved: largest change of a frame's sum, relative to the largest sum.
    """

    permutation: tuple[int, ...]
    correlation: float
    moved: float


def frame_shuffle(
    explain: Callable[[Tensor], np.ndarray],
    clip: Tensor,
    steps: int,
    generator: np.random.Generator,
) -> FrameShuffle:
    """Explains a clip (3, T, H, W) and its shuffled self by `explain`, clip to map (t, h, w).

    steps: t, time steps of the token grid; the frames of one step stay together.

    Raises AttributionError for a single step, which has no other order.
    """
    if steps < 2:
        raise AttributionError(f"Only two time steps or more can be shuffled, got {steps}.")
    permutation = np.arange(steps)
    while np.array_equal(permutation, np.arange(steps)):
        permutation = generator.permutation(steps)
    cut = clip.reshape(clip.shape[0], steps, -1, *clip.shape[2:])
    shuffled = cut[:, torch.from_numpy(permutation)].reshape(clip.shape)
    before = np.asarray(explain(clip), np.float64).sum((1, 2))
    after = np.empty_like(before)
    after[permutation] = np.asarray(explain(shuffled), np.float64).sum((1, 2))
    largest = np.abs(before).max()
    return FrameShuffle(
        permutation=tuple(map(int, permutation)),
        correlation=rank_correlation(before, after),
        moved=float(np.abs(after - before).max() / largest) if largest else 0.0,
    )
