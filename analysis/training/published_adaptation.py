"""Recipes of MoMa and Mamba-Adaptor in their published sizes, over real files.

Of MoMa its paper says AdamW, rate, weight decay, 30 epochs of K400 and half precision; batch,
warm-up, clipping and augmentation are ours. Of the backbones of Mamba-Adaptor it is known that they
saw ImageNet for 300 epochs at 224; nothing is known of how hosts were trained on: rates and the
rest are ours.
"""

from collections.abc import Callable
from functools import partial

from analysis.training.listed.augmentation import Augmentation
from analysis.training.listed.data import ListedData
from analysis.training.listed.list_file import ListFile
from analysis.training.mixing import Mixing
from analysis.training.objectives.adaptation import Adaptation
from analysis.training.objectives.classification import Classification
from analysis.training.recipe import Execution, ModelChoice, Optimizer, Recipe

_EPOCHS, _WARMUP_EPOCHS = 30, 5
_BFLOAT16 = Execution(precision="bfloat16")
_FRAMES = {"k400": (8, 16, 32), "ssv2": (8, 16, 32), "breakfast": (64,), "coin": (64,)}
_HOST_SIZES = ("tiny", "small", "middle")


def published_moma_recipe(data_set: str, size: str, frames: int) -> Recipe:
    """Of a MoMa, "b16" or "l14", over the published CLIP of that size (specification, section 5).

    The file of a whole CLIP has to be set, whose texts name the classes: `model.weights`.
    """
    return Recipe(
        data=_videos(data_set, Augmentation(crop="multi_scale", policy=None, erase=0.0), "clip"),
        model=ModelChoice(f"moma_{size}", num_frames=frames),
        objective=Adaptation(),
        optimizer=Optimizer(
            learning_rate=3e-4,
            reference_batch=64,
            final_learning_rate=1e-6,
            warmup_share=_WARMUP_EPOCHS / _EPOCHS,
            betas=(0.9, 0.999),
        ),
        execution=_BFLOAT16,
        epochs=_EPOCHS,
        batch_size=64,
    )


def backbone_recipe(size: str) -> Recipe:
    """Of a Mamba-Adaptor as a backbone, "b1" or "b2", from nothing (section 5)."""
    return Recipe(
        data=ListedData(
            training=ListFile("train", format="images"),
            held_out=ListFile("val", format="images"),
            augmentation=Augmentation(policy="rand-m9-n2-mstd0.5-inc1"),
            repeats=1,
        ),
        model=ModelChoice(f"mamba_adaptor_{size}"),
        objective=Classification(mixing=Mixing()),
        optimizer=Optimizer(
            learning_rate=1e-3,
            reference_batch=1024,
            warmup_share=0.05,
            betas=(0.9, 0.999),
            gradient_norm=5.0,
        ),
        execution=_BFLOAT16,
        epochs=300,
        batch_size=1024,
    )


def booster_recipe(data_set: str, size: str, frames: int) -> Recipe:
    """Of a trained VideoMamba that is trained on with adaptors, at a hundredth (section 6)."""
    return _hosted_recipe(data_set, size, f"videomamba_{size}.{data_set}_f{frames}_res224", frames)


def fine_tuning_recipe(data_set: str, size: str, frames: int) -> Recipe:
    """Of adaptors and a head for another data set on a frozen VideoMamba of K400 (section 7)."""
    host = f"videomamba_{size}.k400_f{frames}_res224"
    return _hosted_recipe(data_set, size, host, frames, usage="fine_tuning")


def _hosted_recipe(
    data_set: str, size: str, host: str, frames: int, usage: str = "booster"
) -> Recipe:
    return Recipe(
        data=_videos(data_set, Augmentation(policy="rand-m5-n2-mstd0.25-inc1")),
        model=ModelChoice(
            f"videomamba_adaptor_{size}",
            num_frames=frames,
            weights=host,
            keep_head=usage == "booster",
            switches=f"usage={usage}",
        ),
        objective=Classification(mixing=Mixing()),
        optimizer=Optimizer(
            learning_rate=1e-3,
            reference_batch=64,
            warmup_share=_WARMUP_EPOCHS / _EPOCHS,
            betas=(0.9, 0.999),
            trained_before_rate=0.01,
        ),
        execution=_BFLOAT16,
        epochs=_EPOCHS,
        batch_size=64,
    )


def _videos(data_set: str, augmentation: Augmentation, colours: str = "imagenet") -> ListedData:
    return ListedData(
        training=ListFile("train.csv", format=data_set),
        held_out=ListFile("test.csv", format=data_set),
        augmentation=augmentation,
        repeats=1,
        colours=colours,
    )


def published_adaptation_recipes() -> dict[str, Callable[[], Recipe]]:
    """By the name of the weights they make."""
    recipes: dict[str, Callable[[], Recipe]] = {}
    for size in ("b16", "l14"):
        for data_set, all_frames in _FRAMES.items():
            for frames in all_frames:
                name = f"moma_{size}.{data_set}_f{frames}_res224"
                recipes[name] = partial(published_moma_recipe, data_set, size, frames)
    for size in ("b1", "b2"):
        recipes[f"mamba_adaptor_{size}.in1k_res224"] = partial(backbone_recipe, size)
    for size in _HOST_SIZES:
        stem = f"videomamba_adaptor_{size}"
        for data_set in ("k400", "ssv2"):
            name = f"{stem}.{data_set}_f8_res224"
            recipes[name] = partial(booster_recipe, data_set, size, 8)
        name = f"{stem}.ssv2_frozen_f8_res224"
        recipes[name] = partial(fine_tuning_recipe, "ssv2", size, 8)
    return recipes
