"""The studies of models that adapt a trained one."""

from analysis.training.adaptation_recipes import MOMA_VARIANTS
from analysis.training.studies import Study, StudyRun

SEEDS = (0, 1)

# Settings, the recipe that makes them, and what is changed in it.
_Setting = tuple[dict[str, str], str, tuple[str, ...]]

_NO_DISTILLATION = "objective.distill=none"


def _peers(task: str) -> tuple[_Setting, ...]:
    return (
        ({"method": "linear probe"}, f"clip_probe_mini.{task}", ()),
        ({"method": "ST-Adapter"}, f"st_adapter_mini.{task}", ()),
        ({"method": "AIM"}, f"aim_mini.{task}", ()),
        ({"method": "full fine-tuning"}, f"clip_probe_mini.{task}_whole", ()),
        ({"method": "MoMa"}, f"moma_mini.{task}", ()),
    )


def _runs(settings: tuple[_Setting, ...]) -> tuple[StudyRun, ...]:
    return tuple(_run(*setting, seed) for seed in SEEDS for setting in settings)


def _run(settings: dict[str, str], base: str, changes: tuple[str, ...], seed: int) -> StudyRun:
    name = f"{base}_undistilled" if _NO_DISTILLATION in changes else base
    return StudyRun(
        name=name if seed == 0 else f"{name}.seed_{seed}",
        settings={**settings, "seed": seed},
        base=base,
        changes=changes if seed == 0 else (*changes, f"seed={seed}"),
    )


_ABLATIONS: tuple[_Setting, ...] = (
    *(
        ({"method": f"MoMa, {variant.replace('_', ' ')}"}, f"moma_mini.camera_{variant}", ())
        for variant in MOMA_VARIANTS
    ),
    ({"method": "MoMa, no distillation"}, "moma_mini.camera", (_NO_DISTILLATION,)),
)

MOMA_STUDY = Study(
    name="moma_adaptation",
    question="How should a model of pictures that stays as it is learn to see camera moves?",
    runs=_runs((*_peers("camera"), *_ABLATIONS)),
    adapts=True,
)

MOMA_ACTION_STUDY = Study(
    name="moma_adaptation_actions",
    question="And how motion-captured actions?",
    runs=_runs(_peers("actions")),
    adapts=True,
)

_HOSTED = "videomamba_adaptor_mini"

ADAPTOR_STUDY = Study(
    name="mamba_adaptor",
    question="What do adaptors bring to a model of camera moves that is to learn actions?",
    runs=_runs(
        (
            ({"method": "linear probe"}, "videomamba_mini.transfer_head", ()),
            ({"method": "adaptors"}, f"{_HOSTED}.fine_tuning", ()),
            ({"method": "one adaptor for all"}, f"{_HOSTED}.fine_tuning_shared", ()),
            ({"method": "full fine-tuning"}, "videomamba_mini.transfer_whole", ()),
            ({"method": "full fine-tuning and adaptors"}, f"{_HOSTED}.booster", ()),
        )
    ),
    adapts=True,
)
