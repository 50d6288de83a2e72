"""Which part of a model a module belongs to, and how many parameters every part has."""

from collections import Counter

from torch import nn

# Modules by their own name; those not listed make a part of their own name.
_PARTS = {
    "in_proj": "in_proj",
    "out_proj": "out_proj",
    "conv1d": "conv1d",
    "x_proj": "x_proj",
    "dt_proj": "dt_proj",
    "mixer": "scan",
    "op": "selection",
    "qkv": "qkv",
    "attn": "attention",
    "temporal_attn": "attention",
    "proj": "out_proj",
    "temporal_fc": "out_proj",
    "fc1": "mlp",
    "fc2": "mlp",
    "c_fc": "mlp",
    "c_proj": "mlp",
    "mix": "out_proj",
    "scans": "scan",
    "divide": "attention",
    "conv1": "patch_embed",
    "norm1": "norm",
    "norm2": "norm",
    "temporal_norm1": "norm",
    "norm_f": "norm",
    "out_norm": "norm",
    "ln_pre": "norm",
    "ln_1": "norm",
    "ln_2": "norm",
    "ln_post": "norm",
    "in_norm": "norm",
    "merge_norm": "norm",
    "temporal": "positions",
    "": "positions",
}
# Modules whose inside is theirs.
_WHOLE = ("patch_embed", "distill_head")


def part_of(module: str) -> str:
    """The part that a module's own operations and parameters belong to, by its dotted name.

    `positions` are CLS tokens and position tables, `scan` of a mixer A and D, `out_proj` also the
    second projection of attention along time, `tower` the tables and the projection of a CLIP,
    `selection` what VMamba's four directions have of their own.
    """
    path = module.split(".")
    if path[0] in _WHOLE:
        return path[0]
    named = [name for name in path if not name.isdigit()] or [""]
    own = named[-1].removesuffix("_b")
    return _PARTS.get(own, own)


def parameters_by_part(model: nn.Module) -> dict[str, int]:
    """Number of parameters of every part that has any; together all of the model's."""
    counts: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        part = part_of(name.rpartition(".")[0])
        # Attention's own are the projections to queries, keys and values.
        counts["qkv" if part == "attention" else part] += parameter.numel()
    return dict(counts)
