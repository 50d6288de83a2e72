"""Matrix products in 8-bit integers, for inference on processors that multiply them faster."""

import copy

from torch import Tensor, nn

from analysis.ops.int8_product import int8_product, rounded_weight

LEFT_IN_FLOAT32 = ("dt_proj", "dt_proj_b", "head")
"""Small products: step sizes, which a scan exponentiates, and the classifier."""


class Int8Linear(nn.Module):
    """A linear layer whose weights are 8-bit integers, one scale per output channel.

    Activations are rounded to 8 bits as they come, one scale per token. No gradients.
    """

    def __init__(self, linear: nn.Linear):
        super().__init__()
        weight, scales = rounded_weight(linear.weight.detach().float())
        self.register_buffer("weight", weight)
        self.register_buffer("scales", scales)
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_features) to (..., out_features), float32."""
        product = int8_product(x, self.weight, self.scales)
        return product if self.bias is None else product + self.bias


def with_int8_products(model: nn.Module) -> nn.Module:
    """A copy of a model whose larger linear layers multiply 8-bit integers.

    It gives no gradients. `LEFT_IN_FLOAT32` names the layers that stay as they are.
    """
    copied = copy.deepcopy(model).eval()
    for module in list(copied.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear) and name not in LEFT_IN_FLOAT32:
                setattr(module, name, Int8Linear(child))
    return copied
