"""The configuration of the chosen model, where what a tab asks of it can be asked."""

from typing import Any

from analysis.tracing.opened_models import check_scans_alone, check_takes_masks, check_traced
from app.selection import Selection
from app.session import planned


def traced_config(selection: Selection, what: str) -> Any:
    """Of a model whose scans are traced. Raises TracingError and WeightsError."""
    config = planned(selection).config
    check_traced(config, what)
    return config


def scanned_config(selection: Selection, what: str) -> Any:
    """Of a model that is opened and has scans alone. Raises TracingError and WeightsError."""
    config = planned(selection).config
    check_scans_alone(config, what)
    return config


def masked_config(selection: Selection, what: str) -> Any:
    """Of a model that takes masks. Raises TracingError and WeightsError."""
    config = planned(selection).config
    check_takes_masks(config, what)
    return config
