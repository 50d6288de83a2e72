"""What it takes to adapt a trained model, and what is left of what it could do before."""

import time
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

from analysis.models.clip import Clip
from analysis.models.clip_adapters import ClipAdapters
from analysis.models.moma import Moma
from analysis.tracing.peak_memory import measure_peak_memory
from analysis.training.captioned_pictures.data import CaptionedPicturesMaterial
from analysis.training.recipe import Recipe
from analysis.training.run import FinishedRun
from analysis.training.source import Material
from analysis.training.state import start_state
from analysis.training.trained_part import trained_share
from analysis.training.trainer import run_shape
from analysis.training.update import Updater
from analysis.weights.whole_clip import load_clip

_TIMED_STEPS = 5


@dataclass(frozen=True)
class AdaptationMeasures:
    """Of one run, beside its accuracy.

    trained_parameters: shared ones counted once.
    step_ms: median time of an update, its clips rendered before; memory_bytes: the most it held
        beside model and optimiser, None where the system does not tell.
    zero_shot_percent: of pictures of kinds never trained on, those whose colour and shape a model
        over a CLIP still finds among sentences, as its tower does that was trained with them; each
        picture is shown as a clip that stands still. zero_shot_before_percent: the same before the
        first step. None for models that do not answer with directions of texts.
    """

    trained_parameters: int
    step_ms: float
    memory_bytes: int | None
    zero_shot_percent: float | None = None
    zero_shot_before_percent: float | None = None


def adaptation_measures(
    finished: FinishedRun, pictures: CaptionedPicturesMaterial | None
) -> AdaptationMeasures:
    """Of a finished run; `pictures` are asked for where its model answers with directions."""
    recipe, model = finished.recipe, finished.state.result
    device = next(model.parameters()).device
    step_ms, memory_bytes = step_cost(recipe, finished.material, device)
    after = before = None
    if answers_with_directions(model) and pictures is not None:
        start = start_state(recipe, finished.material.labels, device).model
        before, after = (zero_shot_percent(each, recipe, pictures) for each in (start, model))
    return AdaptationMeasures(
        trained_parameters=trained_share(finished.state.model).trained,
        step_ms=step_ms,
        memory_bytes=memory_bytes,
        zero_shot_percent=after,
        zero_shot_before_percent=before,
    )


def answers_with_directions(model: nn.Module) -> bool:
    """Whether clips become directions of the space that pictures and texts of a CLIP share."""
    return isinstance(model, Moma | ClipAdapters)


def step_cost(
    recipe: Recipe, material: Material, device: torch.device | None = None
) -> tuple[float, int | None]:
    """Milliseconds and bytes of an update by a recipe, from a start of its own."""
    shape = run_shape(recipe, material)
    state = start_state(recipe, material.labels, device)
    batch = material.training(shape).batch(0)
    draws = np.random.default_rng(recipe.seed)
    batch = recipe.objective.prepare(batch, len(material.labels), draws)
    updater = Updater(state, recipe, shape.steps, rank=0, world=1)
    times = []
    with updater.running():
        updater.update(batch)  # kernels are built and optimiser states made
        _, peak = measure_peak_memory(lambda: updater.update(batch), updater.device)
        for _ in range(_TIMED_STEPS):
            start = time.perf_counter()
            updater.update(batch)
            times.append(1000 * (time.perf_counter() - start))
    return round(median(times), 1), peak.memory_bytes


class StillClips(nn.Module):
    """Pictures as clips that stand still, beside the texts of a CLIP."""

    def __init__(self, model: Moma | ClipAdapters, clip: Clip):
        super().__init__()
        self.model, self.clip = model, clip

    def forward(self, pictures: Tensor, tokens: Tensor) -> Tensor:
        """Logits (pictures, texts) of pictures (B, C, H, W) and token numbers."""
        frames = self.model.config.num_frames
        clips = pictures[:, :, None].expand(-1, -1, frames, -1, -1)
        texts = self.clip.encode_texts(tokens)
        return self.clip.scale * self.model.encode_clips(clips) @ texts.T


def zero_shot_percent(
    model: Moma | ClipAdapters, recipe: Recipe, pictures: CaptionedPicturesMaterial
) -> float:
    """See `AdaptationMeasures`; the texts are those of the CLIP the recipe starts from."""
    clip = load_clip(recipe.model.weights, "clip_mini").to(next(model.parameters()).device)
    shape = run_shape(recipe, pictures)
    scores = pictures.named(StillClips(model, clip), "never_seen", shape)
    return round(100 * scores.accuracy, 2)
