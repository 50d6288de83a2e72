"""The menus of the sidebar."""

import pytest

from analysis.weights import plan_model
from app.components.sidebar import weights_choices


@pytest.mark.parametrize("name", [name for _, name in weights_choices()])
def test_every_offered_model_can_be_built(name):
    assert plan_model(name).config.num_classes > 0


def test_weights_that_are_no_classifier_are_not_offered():
    assert not [name for _, name in weights_choices() if "_pretrain." in name]
