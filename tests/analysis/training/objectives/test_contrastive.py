"""The contrastive loss by hand, and that a batch stays whole."""

import math

import torch
from torch import nn

from analysis.training.objectives.contrastive import Contrastive, ContrastiveLoss
from analysis.training.recipes import make_recipe
from analysis.training.state import start_state
from analysis.training.update import Updater


class Logits(nn.Module):
    """Gives the same logits for everything."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, pictures, tokens):
        return self.logits


def test_two_pictures_by_hand():
    loss, sums = ContrastiveLoss(Logits([[2.0, 0.0], [1.0, 3.0]]))(
        torch.zeros(2, 3, 4, 4), torch.tensor([[1, 9], [2, 9]])
    )
    rows = math.log(1 + math.exp(-2.0)) + math.log(1 + math.exp(-2.0))
    columns = math.log(1 + math.exp(-1.0)) + math.log(1 + math.exp(-3.0))
    assert abs(float(loss) - (rows + columns) / 2) < 1e-6
    assert sums == {"right": 2.0}


def test_pictures_with_the_same_text_share_it():
    tokens = torch.tensor([[1, 9], [1, 9], [2, 9]])
    # Where both texts are equal, either answer is right and equal logits are best.
    logits = torch.tensor([[30.0, 30.0, 0.0], [30.0, 30.0, 0.0], [0.0, 0.0, 30.0]])
    loss, sums = ContrastiveLoss(Logits(logits.tolist()))(torch.zeros(3, 3, 4, 4), tokens)
    assert abs(float(loss) - 2 * math.log(2)) < 1e-6
    assert sums == {"right": 3.0}


def test_a_batch_is_not_shared_out_among_cores():
    recipe = make_recipe("clip_mini.pictures")
    assert isinstance(recipe.objective, Contrastive)
    updater = Updater(start_state(recipe, ()), recipe, steps=4, rank=0, world=1)
    assert not updater.shares_cores
