"""What it takes to adapt a trained model, and what is left of what it could do before."""

from dataclasses import dataclass

from torch import Tensor, nn

from analysis.models.clip import Clip
from analysis.models.clip_adapters import ClipAdapters
from analysis.models.moma import Moma
from analysis.training.captioned_pictures.data import CaptionedPicturesMaterial
from analysis.training.recipe import Recipe
from analysis.training.run import FinishedRun
from analysis.training.state import start_state
from analysis.training.step_costs import step_costs
from analysis.training.trained_part import trained_share
from analysis.training.trainer import run_shape
from analysis.weights.whole_clip import load_clip


@dataclass(frozen=True)
class AdaptationMeasures:
    """Of one run, beside its accuracy.

    trained_parameters: shared ones counted once.
    step_ms, memory_bytes: as in `StepCost`.
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
    (cost,) = step_costs({"run": (recipe, finished.material)}, device).values()
    after = before = None
    if answers_with_directions(model) and pictures is not None:
        start = start_state(recipe, finished.material.labels, device).model
        before, after = (zero_shot_percent(each, recipe, pictures) for each in (start, model))
    return AdaptationMeasures(
        trained_parameters=trained_share(finished.state.model).trained,
        step_ms=cost.step_ms,
        memory_bytes=cost.memory_bytes,
        zero_shot_percent=after,
        zero_shot_before_percent=before,
    )


def answers_with_directions(model: nn.Module) -> bool:
    """Whether clips become directions of the space that pictures and texts of a CLIP share."""
    return isinstance(model, Moma | ClipAdapters)


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
