"""Recipes of models that adapt a trained one: MoMa, its peers, and hosts with adaptors.

All of one task see the same clips for as long, at the same rates; what was trained before learns at
a tenth of them where it learns at all.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from analysis.training.camera.data import CameraMovesData
from analysis.training.motion_capture.data import MotionCaptureData
from analysis.training.objectives.adaptation import Adaptation
from analysis.training.objectives.classification import Classification
from analysis.training.recipe import ModelChoice, Optimizer, Recipe
from analysis.training.source import Data

CLIP_WEIGHTS, HOST_WEIGHTS = "clip_mini.pictures", "videomamba_mini.camera"
MOMA_VARIANTS = {
    **{fusion: f"fusion={fusion}" for fusion in ("add", "max", "concat", "adan")},
    "shared_scans": "share_scans=True",
}
"""Of a small MoMa, what is changed in it: its fusion, or one set of parameters for all paths."""

_TASKS: dict[str, Callable[[], Data]] = {
    # Large moves without nuisances: patches of single frames show little of small ones, and a few
    # thousand clips are not enough to learn these.
    "camera": lambda: CameraMovesData(through_files=False, hardest=0.0),
    # As in the scan-order study on actions.
    "actions": lambda: MotionCaptureData(easy_share=0.5, hardest=0.5),
}
_HOSTED = "videomamba_adaptor_mini"


def _recipe(task: str, model: ModelChoice, objective: object) -> Recipe:
    return Recipe(
        data=_TASKS[task](),
        model=model,
        objective=objective,
        optimizer=Optimizer(learning_rate=3e-3, mean_decay=0.997, trained_before_rate=0.1),
        clips=4_800,
        batch_size=32,
    )


def moma_recipe(task: str, switches: str = "") -> Recipe:
    """Of a MoMa over the small CLIP's picture tower."""
    model = ModelChoice("moma_mini", weights=CLIP_WEIGHTS, switches=switches)
    return _recipe(task, model, Adaptation())


def peer_recipe(task: str, model: str, trained: str = "own") -> Recipe:
    """Of the same tower adapted in another way; `trained` "all" is full fine-tuning."""
    choice = ModelChoice(model, weights=CLIP_WEIGHTS, trained=trained)
    return _recipe(task, choice, Classification(label_smoothing=0.0))


def transfer_recipe(
    model: str = "videomamba_mini", trained: str = "own", switches: str = ""
) -> Recipe:
    """Of the camera model taught actions; "own" is full fine-tuning of a model without adaptors."""
    choice = ModelChoice(model, weights=HOST_WEIGHTS, trained=trained, switches=switches)
    recipe = _recipe("actions", choice, Classification(label_smoothing=0.0))
    return replace(recipe, batch_size=16)


def adaptation_recipes() -> dict[str, Callable[[], Recipe]]:
    """By the name of the weights they make."""
    recipes: dict[str, Callable[[], Recipe]] = {}
    for task in _TASKS:
        recipes[f"moma_mini.{task}"] = partial(moma_recipe, task)
        for variant, switches in MOMA_VARIANTS.items():
            recipes[f"moma_mini.{task}_{variant}"] = partial(moma_recipe, task, switches)
        for model in ("clip_probe_mini", "st_adapter_mini", "aim_mini"):
            recipes[f"{model}.{task}"] = partial(peer_recipe, task, model)
        recipes[f"clip_probe_mini.{task}_whole"] = partial(
            peer_recipe, task, "clip_probe_mini", "all"
        )
    return recipes | {
        "videomamba_mini.transfer_head": partial(transfer_recipe, trained="head"),
        "videomamba_mini.transfer_whole": transfer_recipe,
        f"{_HOSTED}.booster": partial(transfer_recipe, _HOSTED, switches="usage=booster"),
        f"{_HOSTED}.fine_tuning": partial(transfer_recipe, _HOSTED, switches="usage=fine_tuning"),
        f"{_HOSTED}.fine_tuning_shared": partial(
            transfer_recipe, _HOSTED, switches="usage=fine_tuning,share=width"
        ),
    }
