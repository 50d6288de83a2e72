"""Parameter groups: no weight decay where it harms, lower learning rates away from the head."""

from torch import nn

from analysis.training.errors import RecipeError
from analysis.training.trained_part import is_added

# Besides what has fewer than two dimensions (norms, biases, skip weights): state matrices, position
# and class tables, and where memory is read first. The published code leaves weight decay on for
# the state matrices.
UNDECAYED = (
    *("A_log", "A_b_log", "A_logs", ".D", ".D_b", ".bias", ".dt_projs_bias", ".anchors"),
    "temporal_embedding",
    *("pos_embed", "temporal_pos_embedding", "cls_token", "positional_embedding"),
)


def parameter_groups(
    model: nn.Module,
    weight_decay: float,
    layer_decay: float | None = None,
    reaches: str = "tables",
    trained_before_rate: float = 1.0,
) -> list[dict]:
    """Groups for an optimiser, with `params`, `weight_decay` and `lr_scale`.

    A parameter at depth k of a model with N layers has the scale layer_decay ** (N + 1 - k): the
    head is at N + 1, stem and class token and position tables are at 0, layer i is at i + 1.
    reaches: "layers", or "tables" for what the published fine-tuning did, which does not recognise
    the layers and the temporal table and leaves them at the head's depth. What is not new in the
    model (see `is_added`) has `trained_before_rate` times that. Frozen parameters are left out.
    Raises RecipeError for a model without such layers.
    """
    if layer_decay is not None and not hasattr(model, "layers"):
        raise RecipeError(
            f"{type(model).__name__} has no layers whose rates could decay; set "
            "optimizer.layer_decay=None."
        )
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        decay = 0.0 if parameter.ndim < 2 or name.endswith(UNDECAYED) else weight_decay
        scale = 1.0 if layer_decay is None else layer_decay ** _away(name, model, reaches)
        if not is_added(name):
            scale *= trained_before_rate
        groups.setdefault((scale, decay), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "lr_scale": scale}
        for (scale, decay), parameters in groups.items()
    ]


def _away(name: str, model: nn.Module, reaches: str) -> int:
    """Layers between a parameter and the head."""
    depth = len(model.layers)
    return depth + 1 - parameter_depth(name, depth, reaches)


def parameter_depth(name: str, depth: int, reaches: str = "tables") -> int:
    """Depth of a parameter by its name: 0 for the stem to depth + 1 for the head.

    Raises ValueError for a `reaches` other than "tables" and "layers".
    """
    if reaches not in ("tables", "layers"):
        raise ValueError(f'Got reaches "{reaches}"; use "tables" or "layers".')
    if name in ("cls_token", "pos_embed") or name.startswith("patch_embed."):
        return 0
    if reaches == "layers":
        if name == "temporal_pos_embedding":
            return 0
        if name.startswith("layers."):
            return int(name.split(".")[1]) + 1
    return depth + 1
