"""Model families, by name."""

import analysis.models.videomamba  # noqa: F401  (registers the family)
from analysis.models.registry import (
    UnknownModelError,
    create_model,
    list_models,
    model_config,
    model_family,
)

__all__ = ["UnknownModelError", "create_model", "list_models", "model_config", "model_family"]
