"""Which methods a model is offered, which it begins with, and what is said of the others."""

import gradio as gr
import pytest

from analysis.attribution.attribution import METHODS, fitting_methods
from analysis.attribution.method import FAMILIES
from analysis.models import model_config
from app.attributions import DEFAULT_METHODS, first_methods, fitting_choice
from app.faithfulness_runs import first_choice, fitting_fills
from app.tabs.attribution_methods import MethodChoice, left_out_line, ticked_methods

BEGINNINGS = {
    "videomamba_debug": DEFAULT_METHODS,
    "videomamba_adaptor_debug": ("integrated_gradients", "exact_last_layer", "grad_cam"),
    "moma_debug": ("integrated_gradients", "grad_cam", "input_x_gradient"),
    "vmamba_debug": ("integrated_gradients", "grad_cam", "input_x_gradient"),
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_page_begins_with_methods_that_can_explain_the_model(name):
    assert first_methods(model_config(name)) == BEGINNINGS[name]


@pytest.mark.parametrize(
    ("ticked", "chosen"),
    [
        (DEFAULT_METHODS, ("input_x_gradient", "integrated_gradients", "grad_cam")),
        (("latim", "mamba_lrp"), ("input_x_gradient", "integrated_gradients", "grad_cam")),
        (("saliency", "latim"), ("saliency",)),
        (("occlusion",), ("occlusion",)),
        ((), ()),
    ],
    ids=["untouched", "none can", "some can", "all can", "none ticked"],
)
def test_what_was_ticked_is_kept_as_far_as_the_model_can(ticked, chosen):
    found = fitting_choice(ticked, DEFAULT_METHODS, model_config("moma_debug"))
    assert tuple(found) == chosen


def test_going_back_begins_as_before():
    moma = first_methods(model_config("moma_debug"))
    found = fitting_choice(moma, moma, model_config("videomamba_debug"))
    assert set(found) == set(DEFAULT_METHODS)


def test_boxes_and_the_line_under_them_hold_every_method_once():
    choice = MethodChoice(tuple(gr.CheckboxGroup([]) for _ in FAMILIES), gr.HTML())
    config = model_config("moma_debug")
    updates = choice.fitted(config, ["saliency"])
    groups = [updates[group] for group in choice.groups]
    offered = [name for group in groups for _, name in group.choices]
    assert set(offered) == set(fitting_methods(config)) and len(offered) == len(set(offered))
    assert ticked_methods([group.value for group in groups]) == ["saliency"]
    assert [group.visible for group in groups] == [bool(group.choices) for group in groups]
    assert not groups[-1].visible, "no relevance of MoMa"
    line = updates[choice.left_out]
    assert all(METHODS[name].title in line for name in set(METHODS) - set(offered))
    assert line.count("Each of them opens") == 1 and "not MoMa" in line
    assert left_out_line(model_config("videomamba_debug")) == ""


def test_a_picture_is_not_filled_with_its_own_first_frame():
    assert "frame_repeat" not in fitting_fills(model_config("vim_debug"))
    assert first_choice(model_config("vim_debug")).insertion == "blur"
    moma = model_config("moma_debug")
    assert fitting_fills(moma) == ("zero", "blur", "frame_repeat")
    assert first_choice(moma).insertion == "frame_repeat"
