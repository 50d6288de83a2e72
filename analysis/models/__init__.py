"""Model families, by name."""

# Each registers its family.
import analysis.models.clip
import analysis.models.clip_adapters
import analysis.models.clip_tower
import analysis.models.mamba_adaptor
import analysis.models.moma
import analysis.models.timesformer
import analysis.models.videomamba
import analysis.models.videomamba_retrieval
import analysis.models.videomamba_student
import analysis.models.vision_transformer
import analysis.models.vivit  # noqa: F401
from analysis.models.registry import (
    UnknownModelError,
    create_model,
    is_classifier,
    list_classifiers,
    list_models,
    model_config,
    model_family,
)

__all__ = [
    "UnknownModelError",
    "create_model",
    "is_classifier",
    "list_classifiers",
    "list_models",
    "model_config",
    "model_family",
]
