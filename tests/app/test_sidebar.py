"""The menus of the sidebar."""

from itertools import groupby

import pytest

from analysis.weights import plan_model
from app.components.sidebar import weights_choices


@pytest.mark.parametrize("name", [name for _, name in weights_choices()])
def test_every_offered_model_can_be_built(name):
    assert plan_model(name).config.num_classes > 0


def test_untrained_models_come_last_family_by_family():
    names = [name for _, name in weights_choices()]
    untrained = [name for name in names if name.endswith(".untrained")]
    assert names[-len(untrained) :] == untrained and not names[0].endswith(".untrained")
    families = [plan_model(name).card.family for name in untrained]
    assert len([family for family, _ in groupby(families)]) == len(set(families)) == 5


def test_weights_that_are_no_classifier_are_not_offered():
    assert not [name for _, name in weights_choices() if "_pretrain." in name]
