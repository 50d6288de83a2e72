"""Model families, by name."""

# Each registers its family.
import analysis.models.clip
import analysis.models.clip_tower
import analysis.models.videomamba
import analysis.models.videomamba_student  # noqa: F401
from analysis.models.registry import (
    UnknownModelError,
    create_model,
    list_classifiers,
    list_models,
    model_config,
    model_family,
)

__all__ = [
    "UnknownModelError",
    "create_model",
    "list_classifiers",
    "list_models",
    "model_config",
    "model_family",
]
