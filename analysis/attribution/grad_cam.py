"""Grad-CAM on the tokens that a block reads, by Captum."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from analysis.attribution.method import Answer, AttributionError, Method, Question, layer_number
from analysis.models.videomamba import VideoMamba


def grad_cam(question: Question, *, layer: int, relu: bool) -> Answer:
    """Tokens weighted by the mean gradient of each of their channels, summed over channels.

    The tokens are those that the mixer of `layer` reads (-1 is the last): after it, a model that
    reads its answer from CLS has no gradient at any patch. `relu` keeps positive evidence only,
    as published.
    """
    from captum.attr import LayerGradCam

    if not isinstance(question.model, VideoMamba):
        raise AttributionError(
            "Grad-CAM reads the tokens of VideoMamba's and Vim's blocks, which this model has not; "
            "choose another gradient method."
        )
    layers = question.model.layers
    number = layer_number(layer, "layer", len(layers))
    with _channels_first(layers[number].norm) as tokens:
        weighted = LayerGradCam(question.logits, tokens).attribute(
            question.clip.clone().requires_grad_(),
            target=question.target,
            relu_attributions=bool(relu),
        )
    values = weighted[0, 0].detach()
    grid = question.model.token_grid
    return Answer(
        values[1:].reshape(grid.t, grid.h, grid.w),
        signed=not relu,
        cls_value=float(values[0]),
        settings={"layer": number},
    )


@contextmanager
def _channels_first(norm: nn.Module) -> Iterator[nn.Module]:
    """A module that sees what `norm` gives as (B, D, L), the layout that Captum averages over."""
    tokens = nn.Identity()

    def pass_through(_module, _inputs, output: Tensor) -> Tensor:
        return tokens(output.transpose(1, 2)).transpose(1, 2)

    handle = norm.register_forward_hook(pass_through)
    try:
        yield tokens
    finally:
        handle.remove()


METHODS = (
    Method(
        "grad_cam",
        "Grad-CAM",
        "gradient",
        "Which tokens of a late layer carry the channels that raise the logit.",
        "arXiv 1610.02391",
        grad_cam,
        {"layer": -1, "relu": True},
        omits=("where the layers before took it from", "evidence against the class"),
    ),
)
