"""Which parameters of a model are trained, and how large a share of it they are."""

from dataclasses import asdict, dataclass

from torch import nn

from analysis.models.mamba_adaptor import HEADS, is_adaptor_tensor

TRAINED = ("own", "all", "head")
"""What the architecture asks gradients for, every parameter, or the task head alone."""

# What is put into or beside a trained model to adapt it, by the beginnings of names.
_ADDED = (*HEADS, "modulators.", "adapters.", "temporal_embedding")
# What a trained classifier becomes the vision encoder of.
_BESIDE_VISION = ("text_encoder.", "text_proj.", "vision_proj.", "itm_head.")


@dataclass(frozen=True)
class TrainedShare:
    """How many parameters of a model are trained, of how many; shared ones count once."""

    trained: int
    parameters: int

    @property
    def percent(self) -> float:
        """Of all parameters."""
        return round(100 * self.trained / self.parameters, 2)

    def as_dict(self) -> dict[str, int | float]:
        """For JSON."""
        return {**asdict(self), "percent": self.percent}


def trained_share(model: nn.Module) -> TrainedShare:
    """Of a model as it is: what asks for gradients."""
    counts = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return TrainedShare(sum(n for n, trained in counts if trained), sum(n for n, _ in counts))


def choose_trained(model: nn.Module, which: str) -> None:
    """Asks gradients for the parameters of one of `TRAINED`."""
    if which == "all":
        model.requires_grad_(True)
    elif which == "head":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith(HEADS))


def is_added(name: str) -> bool:
    """Whether a parameter belongs to what adapts a model, its head included, and not to it."""
    beside = name == "temp" or name.startswith(_BESIDE_VISION)
    return beside or name.startswith(_ADDED) or is_adaptor_tensor(name)
