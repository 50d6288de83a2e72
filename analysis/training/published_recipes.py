"""The published training recipes, by the names of the checkpoints they made.

Numbers are those of the released scripts (Ti, S, M are tiny, small, middle); where scripts and
paper differ the scripts are followed. Ours, because we know of no statement: batches of 1024
pictures and 256 clips, a warm-up of 5 epochs outside LVU, and RandAugment for pictures as DeiT has
it, which the released code builds on. LVU values are learned from windows of a scene, where the
released script samples whole scenes.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from analysis.training.captioned_lists.caption_list import CaptionList
from analysis.training.captioned_lists.data import CaptionedListsData
from analysis.training.listed.augmentation import Augmentation
from analysis.training.listed.data import ListedData
from analysis.training.listed.list_file import ListFile
from analysis.training.mixing import Mixing
from analysis.training.objectives.classification import Classification
from analysis.training.objectives.joint_pretraining import JointPretraining
from analysis.training.objectives.masked_alignment import MaskedAlignment
from analysis.training.objectives.regression import Regression
from analysis.training.objectives.self_distillation import SelfDistillation
from analysis.training.recipe import Execution, ModelChoice, Optimizer, Recipe

_BATCH = {"pictures": 1024, "clips": 256}
_WARMUP_EPOCHS = 5
_BFLOAT16 = Execution(precision="bfloat16")

# Epochs, base learning rate for 256 clips, drop path, weight decay.
_FINE_TUNING: dict[tuple[str, str], tuple[int, float, float, float]] = {
    ("k400", "tiny"): (70, 2e-4, 0.1, 0.1),
    ("k400", "small"): (50, 2e-4, 0.35, 0.05),
    ("k400", "middle"): (50, 2e-4, 0.8, 0.05),
    ("k400", "masked"): (45, 1e-4, 0.4, 0.05),
    ("ssv2", "tiny"): (35, 4e-4, 0.1, 0.1),
    ("ssv2", "small"): (30, 4e-4, 0.35, 0.05),
    ("ssv2", "middle"): (30, 4e-4, 0.8, 0.05),
    ("ssv2", "masked"): (30, 1e-4, 0.4, 0.05),
    ("breakfast", "tiny"): (70, 2e-4, 0.1, 0.1),
    ("breakfast", "small"): (50, 2e-4, 0.4, 0.05),
    ("breakfast", "middle"): (50, 2e-4, 0.8, 0.05),
    ("breakfast", "masked"): (45, 2e-4, 0.4, 0.05),
    ("coin", "tiny"): (40, 2e-4, 0.1, 0.1),
    ("coin", "small"): (35, 2e-4, 0.4, 0.05),
    ("coin", "middle"): (30, 2e-4, 0.8, 0.05),
    ("coin", "masked"): (30, 2e-4, 0.4, 0.05),
    ("lvu", "tiny"): (70, 4e-4, 0.15, 0.1),
    ("lvu_values", "tiny"): (70, 4e-4, 0.15, 0.1),
}
_FRAMES = {"k400": (8, 16, 32, 64), "ssv2": (8, 16), "breakfast": (32, 64), "coin": (32, 64)}
_DROP_PATH = {"tiny": 0.0, "small": 0.15, "middle": 0.5, "base": 0.5}


def image_recipe(size: str) -> Recipe:
    """ImageNet-1K at 224: 300 epochs; middle and base learn from the trained small model too."""
    distils = size in ("middle", "base")
    mixing = Mixing()
    objective = (
        SelfDistillation(teacher="videomamba_image_small.in1k_res224", mixing=mixing)
        if distils
        else Classification(mixing=mixing)
    )
    return Recipe(
        data=ListedData(
            training=ListFile("train", format="images"),
            held_out=ListFile("val", format="images"),
            augmentation=Augmentation(policy="rand-m9-n2-mstd0.5-inc1"),
            repeats=1 if size == "tiny" else 3,
        ),
        model=ModelChoice(
            f"videomamba_image_{size}{'_distill' if distils else ''}",
            drop_path_rate=_DROP_PATH[size],
        ),
        objective=objective,
        optimizer=Optimizer(
            learning_rate=5e-4,
            reference_batch=512,
            warmup_share=(20 if distils else _WARMUP_EPOCHS) / 300,
            weight_decay=0.1 if size == "tiny" else 0.05,
            betas=(0.9, 0.999),
            gradient_norm=None if size == "small" else 5.0,
        ),
        execution=_BFLOAT16,
        epochs=300,
        batch_size=_BATCH["pictures"],
    )


def larger_image_recipe(size: str, resolution: int) -> Recipe:
    """Pictures of 448 after 224, of 576 after 448, with the same classes."""
    base = image_recipe(size)
    before = "in1k_res224" if resolution == 448 else "in1k_res224to448"
    model = replace(
        base.model,
        name=f"videomamba_image_{size}",
        image_size=resolution,
        weights=f"videomamba_image_{size}.{before}",
        keep_head=True,
    )
    optimizer = replace(base.optimizer, learning_rate=5e-6, weight_decay=1e-8)
    return replace(
        base,
        model=model,
        objective=Classification(mixing=Mixing()),
        optimizer=optimizer,
        epochs=30 if resolution == 448 else 10,
    )


def masked_recipe(data_set: str) -> Recipe:
    """Masked alignment of the middle size to CLIP ViT-B/16, from nothing (section 3.4).

    The teacher's weights have to be set: `objective.teacher_weights`.
    """
    augmentation = Augmentation(crop="multi_scale", flip=True, policy=None, erase=0.0)
    return Recipe(
        data=ListedData(
            training=ListFile("train.csv", format=data_set),
            held_out=ListFile("test.csv", format=data_set),
            augmentation=augmentation,
            repeats=1,
        ),
        model=ModelChoice("videomamba_student_middle", num_frames=8, drop_path_rate=0.4),
        objective=MaskedAlignment(),
        optimizer=Optimizer(
            learning_rate=1.5e-4,
            reference_batch=256,
            warmup_share=40 / 801,
            weight_decay=0.05,
            betas=(0.9, 0.95),
            gradient_norm=None,
        ),
        execution=_BFLOAT16,
        epochs=801,
        batch_size=_BATCH["clips"],
    )


def joint_recipe() -> Recipe:
    """Joint pretraining of the video-text model, masked, with four losses (section 3.5).

    From the student of K400. BERT's and the teacher's weights have to be set, the lists too:
    `data.videos.path` and `data.images.path`. Ours, because we know of no statement: a batch of
    1024 over all processes, weight decay, warm-up, and pictures cut to half of their area at least.
    """
    return Recipe(
        data=CaptionedListsData(
            videos=CaptionList("videos.json"),
            images=CaptionList("images.json", medium="image"),
            held_out=CaptionList("test.json"),
        ),
        model=ModelChoice(
            "videomamba_retrieval_middle",
            weights="videomamba_student_middle.k400_mask_pt_f8_res224",
        ),
        objective=JointPretraining(),
        optimizer=Optimizer(
            learning_rate=4e-4,
            final_learning_rate=4e-6,
            warmup_share=0.1,
            weight_decay=0.02,
            betas=(0.9, 0.999),
            gradient_norm=None,
        ),
        execution=_BFLOAT16,
        epochs=10,
        batch_size=_BATCH["pictures"],
    )


def unmasked_recipe(weights: str) -> Recipe:
    """The epoch after joint pretraining in which nothing is hidden but words (section 3.5)."""
    recipe = joint_recipe()
    return replace(
        recipe,
        model=replace(recipe.model, weights=weights),
        objective=replace(recipe.objective, alignment=0.0, mask=None),
        optimizer=replace(recipe.optimizer, learning_rate=8e-5, final_learning_rate=8e-7),
        epochs=1,
    )


def video_recipe(data_set: str, size: str, frames: int, weights: str | None = None) -> Recipe:
    """Fine-tuning at 224 from an image model, or from `weights`.

    `size` "masked" is the middle size after masked pretraining.
    """
    epochs, rate, drop_path, weight_decay = _FINE_TUNING[data_set, size]
    if (data_set, size) == ("k400", "middle") and frames >= 16:
        rate = 1e-4
    is_masked = size == "masked"
    architecture = f"videomamba_{'middle' if is_masked else size}"
    policy = "rand-m5-n2-mstd0.25-inc1" if size == "tiny" else "rand-m7-n4-mstd0.5-inc1"
    values = data_set == "lvu_values"
    return Recipe(
        data=ListedData(
            training=ListFile("train.csv", format=data_set),
            held_out=ListFile("test.csv", format=data_set),
            augmentation=Augmentation(policy=policy),
            repeats=2,
        ),
        model=ModelChoice(
            architecture,
            num_frames=frames,
            drop_path_rate=drop_path,
            weights=weights or _start(data_set, size, frames),
        ),
        objective=Regression() if values else Classification(mixing=Mixing()),
        optimizer=Optimizer(
            learning_rate=rate,
            reference_batch=256,
            warmup_share=_WARMUP_EPOCHS / epochs,
            weight_decay=weight_decay,
            betas=(0.9, 0.999),
            gradient_norm=None,
            layer_decay=0.8 if is_masked and data_set in ("k400", "ssv2") else 0.75,
        ),
        execution=_BFLOAT16,
        epochs=epochs,
        batch_size=_BATCH["clips"],
    )


def _start(data_set: str, size: str, frames: int) -> str:
    """The weights that fine-tuning on a data set begins with."""
    if size == "masked" and data_set in ("k400", "ssv2"):
        return f"videomamba_student_middle.{data_set}_mask_pt_f8_res224"
    if size == "masked":
        return f"videomamba_middle.k400_mask_ft_f{frames}_res224"
    if data_set in ("k400", "ssv2"):
        return f"videomamba_image_{size}.in1k_res224"
    return f"videomamba_{size}.k400_f{frames}_res224"


def larger_video_recipe(data_set: str, size: str) -> Recipe:
    """The last stage with the same classes: 64 frames at 384 (K400), 16 at 288 (SSV2)."""
    frames, resolution = (64, 384) if data_set == "k400" else (16, 288)
    tag = "mask_ft_" if size == "masked" else ""
    architecture = f"videomamba_{'middle' if size == 'masked' else size}"
    base = video_recipe(
        data_set, size, frames, weights=f"{architecture}.{data_set}_{tag}f{frames}_res224"
    )
    epochs = 10 if data_set == "ssv2" or size == "tiny" else 6
    return replace(
        base,
        model=replace(base.model, image_size=resolution, keep_head=True),
        optimizer=replace(
            base.optimizer,
            learning_rate=5e-6,
            weight_decay=1e-8,
            warmup_share=min(0.5, _WARMUP_EPOCHS / epochs),
        ),
        epochs=epochs,
    )


def published_recipes() -> dict[str, Callable[[], Recipe]]:
    """Every published training by the name of its checkpoint."""
    recipes: dict[str, Callable[[], Recipe]] = {}
    for size in _DROP_PATH:
        recipes[f"videomamba_image_{size}.in1k_res224"] = partial(image_recipe, size)
    for size in ("tiny", "small", "middle"):
        name = f"videomamba_image_{size}.in1k_res224to448"
        recipes[name] = partial(larger_image_recipe, size, 448)
        recipes[f"{name}to576"] = partial(larger_image_recipe, size, 576)
    for data_set, all_frames in _FRAMES.items():
        for size in ("tiny", "small", "middle", "masked"):
            stem = _stem(data_set, size)
            for frames in all_frames:
                recipes[f"{stem}f{frames}_res224"] = partial(video_recipe, data_set, size, frames)
            if data_set in ("k400", "ssv2"):
                end = "f64_res224to384" if data_set == "k400" else "f16_res224to288"
                recipes[stem + end] = partial(larger_video_recipe, data_set, size)
    for data_set in ("k400", "ssv2"):
        name = f"videomamba_student_middle.{data_set}_mask_pt_f8_res224"
        recipes[name] = partial(masked_recipe, data_set)
    joint = "videomamba_retrieval_middle.joint_mask_pt_f8_res224"
    recipes[joint] = joint_recipe
    recipes["videomamba_retrieval_middle.joint_f8_res224"] = partial(unmasked_recipe, joint)
    for data_set in ("lvu", "lvu_values"):
        name = f"videomamba_tiny.{data_set}_f32_res224"
        recipes[name] = partial(video_recipe, data_set, "tiny", 32)
    return recipes


def _stem(data_set: str, size: str) -> str:
    if size == "masked":
        return f"videomamba_middle.{data_set}_mask_ft_"
    return f"videomamba_{size}.{data_set}_"
