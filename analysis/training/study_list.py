"""The studies whose tables ship with the program."""

from analysis.ops.scan_order import SCAN_ORDERS
from analysis.ops.token_mask import MASKS
from analysis.training.adaptation_studies import (
    ADAPTOR_STUDY,
    MOMA_ACTION_STUDY,
    MOMA_STUDY,
    SEEDS,
)
from analysis.training.studies import Stage, Study, StudyRun, find_study, read_table
from analysis.training.study_summary import StudySummary, summarise


def _order_run(scan_order: str, seed: int, tag: str = "order") -> StudyRun:
    base = f"videomamba_mini.{tag}_{scan_order}"
    return StudyRun(
        name=base if seed == 0 else f"{base}.seed_{seed}",
        settings={"scan_order": scan_order, "seed": seed},
        base=base,
        changes=() if seed == 0 else (f"seed={seed}",),
    )


SCAN_ORDER_STUDY = Study(
    name="scan_orders",
    question="Which order should a model read its tokens in, if it is trained in that order?",
    runs=tuple(_order_run(order, seed) for seed in SEEDS for order in SCAN_ORDERS),
    ships=True,
)

ACTION_ORDER_STUDY = Study(
    name="scan_orders_actions",
    question="Does the ranking of the orders hold on motion-captured actions?",
    runs=tuple(_order_run(order, seed, "actions") for seed in SEEDS for order in SCAN_ORDERS),
)

SELF_DISTILLATION_STUDY = Study(
    name="self_distillation",
    question="Does a larger model learn better beside a smaller trained one?",
    runs=tuple(
        StudyRun(f"{model}.short", {"self_distillation": word}, f"{model}.short")
        for word, model in (
            ("off", "videomamba_mini_wide"),
            ("on", "videomamba_mini_wide_distill"),
        )
    ),
    seeds_of="scan_orders",
)


def _size_run(num_frames: int, image_size: int) -> StudyRun:
    return StudyRun(
        name=f"videomamba_mini.short_f{num_frames}_res{image_size}",
        settings={"num_frames": num_frames, "image_size": image_size},
        base="videomamba_mini.short",
        changes=(f"model.num_frames={num_frames}", f"model.image_size={image_size}"),
    )


FRAMES_AND_RESOLUTION_STUDY = Study(
    name="frames_and_resolution",
    question="What do more frames and more pixels bring for the same number of clips?",
    runs=tuple(
        _size_run(num_frames, image_size) for image_size in (32, 64) for num_frames in (4, 8, 16)
    ),
    seeds_of="scan_orders",
)


def _mask_run(mask: str, ratio_percent: int) -> StudyRun:
    changes = (f"objective.mask={mask}", f"objective.ratio={ratio_percent / 100}")
    return StudyRun(
        name=f"videomamba_mini.aligned_{mask}_{ratio_percent}",
        settings={"mask": mask, "ratio_percent": ratio_percent},
        base="videomamba_mini.short",
        pretraining=Stage("videomamba_student_mini.short", changes),
    )


MASKED_ALIGNMENT_STUDY = Study(
    name="masked_alignment",
    question="What does masked alignment with a small CLIP bring, by mask and masked share?",
    runs=(
        StudyRun(
            "videomamba_mini.short", {"mask": "none", "ratio_percent": 0}, "videomamba_mini.short"
        ),
        *(_mask_run(mask, 80) for mask in MASKS),
        *(_mask_run("attention", ratio) for ratio in (50, 65, 90)),
    ),
    seeds_of="scan_orders",
)

SHIPPED_STUDY = Study(
    name="shipped",
    question="How good is the model that the page opens with?",
    runs=(
        StudyRun(
            "videomamba_mini.camera",
            {"weights": "videomamba_mini.camera", "seed": 0},
            "videomamba_mini.camera",
        ),
    ),
    ships=True,
)

STUDIES = (
    SCAN_ORDER_STUDY,
    ACTION_ORDER_STUDY,
    SELF_DISTILLATION_STUDY,
    FRAMES_AND_RESOLUTION_STUDY,
    MASKED_ALIGNMENT_STUDY,
    MOMA_STUDY,
    MOMA_ACTION_STUDY,
    ADAPTOR_STUDY,
    SHIPPED_STUDY,
)


def study_summary(study: Study) -> StudySummary:
    """What the rows of `study` say; one of single runs borrows how far seeds differ.

    Raises TrainingError for a table that cannot be read.
    """
    borrowed = None
    if study.seeds_of is not None:
        borrowed = summarise(read_table(find_study(study.seeds_of, STUDIES))).seed_spread
    return summarise(read_table(study), borrowed)
