"""Two data sets in one run: shares, class numbers, scores of each."""

from dataclasses import replace

import pytest
import torch

from analysis.training.errors import RecipeError
from analysis.training.mixed_data import MixedData, MixedMaterial
from analysis.training.trainer import run_shape


class OneAnswer(torch.nn.Module):
    """Always answers one class."""

    def __init__(self, answer):
        super().__init__()
        self.answer = torch.nn.Parameter(torch.nn.functional.one_hot(answer, 4).float())

    def forward(self, clips):
        return self.answer.expand(len(clips), -1)


def named(material, order):
    material.label_order = order
    return material


@pytest.fixture
def mixed(material):
    return MixedMaterial([named(type(material)(), "moves"), named(type(material)(), "actions")])


def test_every_batch_has_both_and_classes_follow_each_other(tiny, mixed):
    batch = mixed.training(run_shape(replace(tiny, batch_size=9), mixed)).batch(5)
    assert len(batch) == 9
    assert set(batch.targets[:4].tolist()) <= {0, 1}
    assert set(batch.targets[4:].tolist()) <= {2, 3}
    assert mixed.label_order == "moves+actions"
    assert mixed.labels == ("grey", "noise", "grey", "noise")


def test_accuracy_is_the_mean_over_the_parts(tiny, mixed):
    shape = run_shape(tiny, mixed)
    share = sum(batch.targets.eq(3).sum() for batch in mixed.held_out(shape, 4500)) / 2250
    evaluation = mixed.evaluate(OneAnswer(torch.tensor(3)), shape)
    assert evaluation["parts"] == {
        "moves": 0.0,
        "actions": pytest.approx(100 * float(share), abs=0.01),
    }
    assert evaluation["accuracy"] == pytest.approx(50 * float(share), abs=0.01)
    assert evaluation["all"]["clips"] == 4500


def test_one_data_set_is_not_mixed():
    with pytest.raises(RecipeError, match="2 data sets or more"):
        MixedData(())
