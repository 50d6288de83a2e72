"""What each token that enters the last layer brings to a logit: parts that sum to it exactly."""

from analysis.attribution.exact.frozen_norm import norm_constant
from analysis.attribution.exact.readout import class_direction, class_evidence
from analysis.attribution.method import (
    Answer,
    Method,
    Question,
    inside_adapted_videomamba,
    model_input,
    relative_error,
    videomamba,
)
from analysis.models.videomamba import VideoMamba
from analysis.tracing.recorder import record
from analysis.tracing.token_positions import CLS_INDEX, on_grid


def exact_last_layer(question: Question, *, residual: bool) -> Answer:
    """Logit shares of the tokens that the last layer reads, signed, in units of the logit.

    A token counts with what it sends all tokens through the mixer (its exact contributions, every
    input-dependent factor frozen at its value) and, with `residual`, with what it brings along the
    residual stream; both are measured along the class direction through the final norm, its scale
    frozen. Tokens, CLS and biases sum to the logit, if the residual stream is counted.
    """
    model = videomamba(question.model, "The exact method", adaptors=True)
    trace = record(model, model_input(model, question.clip), [-1])
    layer = trace.layer(-1)
    direction = class_direction(model, trace, question.target)
    evidence = class_evidence(layer, direction)
    through_mixer = evidence.values.sum(0)
    along_stream = (layer.residual * direction).sum(-1)
    bias = float(evidence.bias.sum()) + _constant(model, question.target)
    logit = float(trace.logits[question.target])
    stream = float(along_stream.double().sum())
    total = float(through_mixer.double().sum()) + stream + bias
    values = through_mixer + along_stream if residual else through_mixer
    return Answer(
        on_grid(values, trace.grid),
        signed=True,
        cls_value=float(values[CLS_INDEX]),
        completeness_error=relative_error(total, logit),
        bias_share=bias / logit if logit else None,
        settings={"layer": layer.layer, "logit": logit, "residual_share": stream / (logit or 1)},
    )


def _constant(model: VideoMamba, target: int) -> float:
    """The part of a logit that biases of the head and of the final norm make up."""
    weight, bias = model.head.weight[target].detach().cpu(), model.head.bias[target]
    return float(bias.detach()) + float(norm_constant(model.norm_f, weight))


METHODS = (
    Method(
        "exact_last_layer",
        "Exact contributions, last layer only",
        "hidden state",
        "What each token entering the last layer brings to the logit; with the biases they sum "
        "to it.",
        "ours",
        exact_last_layer,
        {"residual": True},
        omits=(
            "where the layers before took it from",
            "how tokens steer the scans through step sizes, B and C",
        ),
        check=inside_adapted_videomamba,
    ),
)
