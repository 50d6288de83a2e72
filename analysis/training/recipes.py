"""Recipes by the name of the weights they make."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from analysis.nearest_names import nearest
from analysis.ops.scan_order import SCAN_ORDERS
from analysis.text.word_pieces import SPECIAL_PIECES
from analysis.training.adaptation_recipes import adaptation_recipes
from analysis.training.camera.data import CameraMovesData
from analysis.training.captioned_pictures.data import CaptionedPicturesData
from analysis.training.errors import RecipeError
from analysis.training.motion_capture.data import MotionCaptureData
from analysis.training.moving_objects.captioned_data import CaptionedClipsData
from analysis.training.moving_objects.data import MovingObjectsData
from analysis.training.moving_objects.words_data import ObjectWordsData
from analysis.training.objectives.classification import Classification
from analysis.training.objectives.contrastive import Contrastive
from analysis.training.objectives.joint_pretraining import JointPretraining, WordNumbers
from analysis.training.objectives.masked_alignment import MaskedAlignment
from analysis.training.objectives.self_distillation import SelfDistillation
from analysis.training.objectives.several_labels import SeveralLabels
from analysis.training.published_adaptation import published_adaptation_recipes
from analysis.training.published_recipes import published_recipes
from analysis.training.recipe import ModelChoice, Optimizer, Recipe
from analysis.training.recipe_changes import changed


def camera_recipe() -> Recipe:
    """Of the shipped checkpoint, videomamba_mini.camera."""
    return Recipe(
        data=CameraMovesData(),
        model=ModelChoice("videomamba_mini", step_sizes=(0.001, 0.2)),
        objective=Classification(label_smoothing=0.05),
        optimizer=Optimizer(learning_rate=3e-3, mean_decay=0.997),
        clips=96_000,
    )


def order_recipe(scan_order: str, seed: int = 0) -> Recipe:
    """Of the scan-order study: a shorter camera recipe, equal for all orders but for the order."""
    recipe = camera_recipe()
    return replace(
        recipe,
        data=CameraMovesData(through_files=False),
        model=replace(recipe.model, scan_order=scan_order),
        clips=25_600,
        seed=seed,
    )


def action_order_recipe(scan_order: str) -> Recipe:
    """Of the scan-order study on motion-captured actions: half as long, clips not at their hardest.

    At full difficulty the mini model has hardly left chance after so few clips.
    """
    return replace(
        order_recipe(scan_order),
        data=MotionCaptureData(easy_share=0.5, hardest=0.5),
        clips=12_800,
        batch_size=32,
    )


def object_recipe() -> Recipe:
    """Of a model that says which way a coloured shape moves against what is behind it."""
    return replace(order_recipe("spatial_first"), data=MovingObjectsData())


def object_words_recipe() -> Recipe:
    """Of a model that names shape, colour, direction and camera: where moving_objects starts."""
    recipe = camera_recipe()
    return replace(
        recipe,
        data=ObjectWordsData(easy_share=0.5),
        objective=SeveralLabels(),
        clips=160_000,
        batch_size=32,
    )


def short_recipe(model: str = "videomamba_mini", teacher: str | None = None) -> Recipe:
    """Of the recipe studies: half the length of the scan-order study, from a teacher if given."""
    recipe = order_recipe("spatial_first")
    distilled = recipe.objective
    if teacher is not None:
        distilled = SelfDistillation(teacher, label_smoothing=recipe.objective.label_smoothing)
    return replace(
        recipe,
        model=replace(recipe.model, name=model),
        objective=distilled,
        clips=12_800,
    )


def picture_recipe() -> Recipe:
    """Of the small CLIP that is the teacher of the masked-alignment study."""
    return Recipe(
        data=CaptionedPicturesData(),
        model=ModelChoice("clip_mini"),
        objective=Contrastive(),
        optimizer=Optimizer(learning_rate=1e-3, mean_decay=0.997, betas=(0.9, 0.98)),
        clips=160_000,
        batch_size=64,
    )


def moving_objects_recipe() -> Recipe:
    """Of the small video-text model: captioned clips, from the model that names what they show.

    From scratch sentences alone teach colours after many clips and the rest hardly at all.
    """
    return Recipe(
        data=CaptionedClipsData(easy_share=0.0),
        model=ModelChoice("videomamba_retrieval_mini", weights="videomamba_mini.object_words"),
        objective=JointPretraining(alignment=0.0, mask=None, numbers=caption_numbers()),
        optimizer=Optimizer(learning_rate=3e-3, mean_decay=0.997, trained_before_rate=0.3),
        clips=64_000,
        batch_size=64,
    )


def caption_numbers() -> WordNumbers:
    """Of the vocabulary of captioned clips."""
    padding, _, first, _, hidden = range(len(SPECIAL_PIECES))
    return WordNumbers(padding, first, hidden)


def alignment_recipe(mask: str = "attention", ratio: float = 0.8) -> Recipe:
    """Of the masked-alignment study: camera moves without labels, beside the small CLIP."""
    recipe = short_recipe()
    return replace(
        recipe,
        model=replace(recipe.model, name="videomamba_student_mini"),
        objective=MaskedAlignment(
            teacher="clip_tower_mini",
            teacher_weights="clip_mini.pictures",
            mask=mask,
            ratio=ratio,
        ),
    )


def aligned_recipe() -> Recipe:
    """Of the shipped student, videomamba_student_mini.aligned: longer than those of the study."""
    return replace(alignment_recipe(), clips=48_000)


RECIPES: dict[str, Callable[[], Recipe]] = {
    "videomamba_mini.camera": camera_recipe,
    **{f"videomamba_mini.order_{order}": partial(order_recipe, order) for order in SCAN_ORDERS},
    **{
        f"videomamba_mini.actions_{order}": partial(action_order_recipe, order)
        for order in SCAN_ORDERS
    },
    "videomamba_mini.object_directions": object_recipe,
    "videomamba_mini.object_words": object_words_recipe,
    "videomamba_mini.short": short_recipe,
    "videomamba_mini_wide.short": partial(short_recipe, "videomamba_mini_wide"),
    "videomamba_mini_wide_distill.short": partial(
        short_recipe, "videomamba_mini_wide_distill", "videomamba_mini.order_spatial_first"
    ),
    "clip_mini.pictures": picture_recipe,
    "videomamba_retrieval_mini.moving_objects": moving_objects_recipe,
    "videomamba_student_mini.short": alignment_recipe,
    "videomamba_student_mini.aligned": aligned_recipe,
    **adaptation_recipes(),
    **published_recipes(),
    **published_adaptation_recipes(),
}


def make_recipe(name: str, changes: Sequence[str] = ()) -> Recipe:
    """The recipe called `name` with `changes`, each "field=value" or "part.field=value".

    Raises RecipeError, one sentence, for unknown names and fields and for values that do not fit.
    """
    if name not in RECIPES:
        raise RecipeError(f"There is no recipe {name!r}; {nearest(name, RECIPES)}")
    return changed(RECIPES[name](), changes)
