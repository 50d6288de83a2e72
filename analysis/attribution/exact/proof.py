"""What every exact result carries: how closely its parts add up, and where they are added up."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.attribution.exact.frozen_scan import Switches
from analysis.tracing.layer_trace import LayerTrace


@dataclass(frozen=True, eq=False)
class Proof:
    """How well the parts of a result add up to what the model computed.

    completeness_error: ||sum of parts - real output|| / ||real output||, biases counted as parts;
        those behind the scans too, which fields called `bias` have not.
    bias_share: <bias part, real output> / ||real output||^2, the share that belongs to no token.
    dtype: of the arithmetic. settings: what was asked for, in plain values.
    """

    completeness_error: float
    bias_share: float
    dtype: str
    settings: dict[str, object]


def proof_fields(
    layer: LayerTrace, parts: Tensor, bias: Tensor, total: Tensor, **settings: object
) -> dict[str, object]:
    """The fields of `Proof` from the sum of token parts, the bias part and the real output."""
    return {
        "completeness_error": relative_error(parts + bias, total),
        "bias_share": signed_share(bias, total),
        "dtype": str(total.dtype).removeprefix("torch."),
        "settings": {"layer": layer.layer, **settings},
    }


def relative_error(found: Tensor, expected: Tensor) -> float:
    """||found - expected|| / ||expected||; the plain distance where nothing was expected."""
    distance = torch.linalg.vector_norm(found - expected).item()
    return distance / (torch.linalg.vector_norm(expected).item() or 1.0)


def signed_share(part: Tensor, total: Tensor) -> float:
    """<part, total> / ||total||^2, 0 for a total of zero."""
    square = (total * total).sum().item()
    return (part * total).sum().item() / square if square else 0.0


def constant(layer: LayerTrace, level: str) -> Tensor:
    """What comes from no scan at a level, biases behind the scans: (L, W), zero in most layers."""
    behind = layer.way_out.constant
    if level == "residual" and behind is not None:
        return behind
    return torch.zeros_like(target(layer, level))


def target(layer: LayerTrace, level: str) -> Tensor:
    """What parts of a level add up to: the scans' sum (L, E), or the layer's real output (L, D)."""
    return layer.output if level == "residual" else layer.inner_output


def projected(
    layer: LayerTrace, y: Tensor, level: str, switches: Switches, receiver: int | None = None
) -> Tensor:
    """y (..., E) where a level adds up: as it is, or gated and projected (..., D).

    y is (..., L, E) by receiver, or belongs to one `receiver`.
    """
    if level != "residual":
        return y
    if switches.gate:
        y = y * (layer.gate if receiver is None else layer.gate[receiver])
    return layer.way_out(y, receiver)
