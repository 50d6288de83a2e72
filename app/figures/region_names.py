"""The regions of a profile: what they are called, what they hold, and their colours."""

from typing import NamedTuple


class RegionLook(NamedTuple):
    """Words and colour of a region."""

    name: str
    meaning: str
    color: str
    dark: bool
    """Whether the colour is so dark that words on it are white."""


REGION_LOOKS: dict[str, RegionLook] = {
    "embed": RegionLook("Embedding", "patches to tokens, positions added", "#8C6D31", True),
    "norm": RegionLook("Norm", "residual sum and norm of every block", "#CC79A7", False),
    "reorder": RegionLook("Reorder", "tokens into the scan order and back", "#B07AA1", False),
    "in_proj": RegionLook("Input projection", "tokens to inner channels and gate", "#0072B2", True),
    "conv": RegionLook("Convolution", "causal, with SiLU, both directions", "#009E73", True),
    "x_proj": RegionLook("x projection", "inner channels to step size, B and C", "#56B4E9", False),
    "scan": RegionLook("Scans", "both directions, step sizes and gate in one", "#5B5BD6", True),
    "scan_fwd": RegionLook("Forward scan", "the recurrence from the first token", "#5B5BD6", True),
    "scan_bwd": RegionLook("Backward scan", "the recurrence from the last token", "#A3A3F0", False),
    "gate": RegionLook("Gate", "sum of the directions times the gate", "#E69F00", False),
    "qkv": RegionLook("Queries, keys, values", "tokens to what attention takes", "#0072B2", True),
    "attention": RegionLook("Attention", "scores, softmax and weighted values", "#D55E00", True),
    "out_proj": RegionLook("Output projection", "inner channels to tokens", "#004C77", True),
    "mlp": RegionLook("MLP", "the two layers after attention", "#66A61E", False),
    "head": RegionLook("Head", "read-out and classifier", "#882255", True),
    "loss": RegionLook("Loss", "cross-entropy", "#AA4499", True),
    "accumulate_grad": RegionLook("Gradients", "written to parameters", "#C4B33F", False),
    "optimizer": RegionLook("Update", "AdamW, gradients cleared", "#7A7A22", True),
    "other": RegionLook("Other", "no region: Python between them", "#9A9CA5", False),
    "idle": RegionLook("Idle", "the GPU waited for work", "#D3D4D9", False),
}

UNSEEN = RegionLook("", "", "#9A9CA5", False)


def region_name(region: str, pass_: str = "forward") -> str:
    """A region in words; of the backward pass it says so."""
    name = REGION_LOOKS.get(region, UNSEEN._replace(name=region)).name
    return f"{name}, gradient" if pass_ == "backward" else name


def region_style(region: str) -> str:
    """CSS of a piece in the region's colour."""
    look = REGION_LOOKS.get(region, UNSEEN)
    return f"background-color:{look.color};color:{'#fff' if look.dark else '#16181c'}"
