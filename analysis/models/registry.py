"""Models by name: a family registers functions that build a configuration."""

from collections.abc import Callable
from typing import Any

from torch import nn

from analysis.nearest_names import nearest

_ENTRIES: dict[str, tuple[str, Callable[..., Any], type[nn.Module]]] = {}


class UnknownModelError(KeyError):
    """A name that no family registered; its text names the nearest ones."""

    def __str__(self) -> str:
        return str(self.args[0])


def register_model(family: str, model_class: type[nn.Module]) -> Callable:
    """Decorator: registers a configuration function under its own name in a family."""

    def register(configure: Callable[..., Any]) -> Callable[..., Any]:
        name = configure.__name__
        if name in _ENTRIES:
            raise ValueError(f"model {name} is registered twice")
        _ENTRIES[name] = (family, configure, model_class)
        return configure

    return register


def list_models(family: str | None = None) -> tuple[str, ...]:
    """Names of all registered models, or of one family, in the order of their registration."""
    return tuple(name for name, entry in _ENTRIES.items() if family in (None, entry[0]))


def list_classifiers() -> tuple[str, ...]:
    """Names of the models that answer with classes: their configuration has `num_classes`."""
    return tuple(name for name in _ENTRIES if is_classifier(name))


def is_classifier(name: str) -> bool:
    """Whether a name is that of a model that answers with classes."""
    return name in _ENTRIES and hasattr(model_config(name), "num_classes")


def _entry(name: str) -> tuple[str, Callable[..., Any], type[nn.Module]]:
    if name not in _ENTRIES:
        raise UnknownModelError(f"there is no model {name!r}; {nearest(name, _ENTRIES)}")
    return _ENTRIES[name]


def model_family(name: str) -> str:
    """The family a model belongs to. Raises UnknownModelError."""
    return _entry(name)[0]


def model_config(name: str, **overrides: Any) -> Any:
    """The frozen configuration of a model, with fields replaced by keyword.

    Raises UnknownModelError for the name and TypeError for a field that does not exist.
    """
    return _entry(name)[1](**overrides)


def create_model(name: str, **overrides: Any) -> nn.Module:
    """A freshly initialised model: `create_model("videomamba_tiny", num_frames=16)`.

    Overrides are fields of the family's configuration. Raises as `model_config` does.
    """
    return _entry(name)[2](model_config(name, **overrides))
