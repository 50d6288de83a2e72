"""Several labels per clip, on logits worked by hand."""

import math

import torch
from torch import nn

from analysis.training.objectives.several_labels import SeveralLabels


class Says(nn.Module):
    """Answers with the same logits for every clip."""

    def __init__(self, *logits: float):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, clips):
        return self.logits.expand(len(clips), -1)


def test_the_target_is_shared_by_the_labels_that_hold():
    # Shares 1/2, 1/4, 1/4; the labels that hold are the first and the last, then the last two.
    module = SeveralLabels().module(Says(math.log(2.0), 0.0, 0.0))
    targets = torch.tensor([[0.5, 0.0, 0.5], [0.0, 0.5, 0.5]])
    loss, sums = module(torch.zeros(2, 3, 1, 2, 2), targets)
    by_hand = 0.5 * (math.log(2) + math.log(4)) + math.log(4)
    torch.testing.assert_close(float(loss.detach()), by_hand, rtol=1e-6, atol=0)
    assert sums["right"] in (1.0, 1.5)  # the second and the third label are equally likely


def test_the_gradient_is_what_is_said_less_what_holds():
    model = Says(1.0, 0.0, -1.0, 0.5)
    targets = torch.tensor([[0.25, 0.25, 0.5, 0.0]])
    loss, sums = SeveralLabels().module(model)(torch.zeros(1, 3, 1, 2, 2), targets)
    loss.backward()
    torch.testing.assert_close(model.logits.grad, model.logits.softmax(0) - targets[0])
    assert sums["right"] == 0.5  # of the three likeliest, the first two hold
    assert SeveralLabels().model_options(list("abcd")) == {"num_classes": 4}
