"""What stands in the MoMa section of Adapters, and how a result is put there."""

from dataclasses import asdict, dataclass

import gradio as gr

from analysis.weights import weights_card
from app.components.explanation import caption, how_it_is_computed, section_heading, what_to_look_at
from app.components.export import exported, result_export
from app.components.titled_plot import titled_plot
from app.components.token_picture import build_token_picture
from app.figures.moma import (
    MEASURE_TITLES,
    answers_view,
    layers_figure,
    mixing_figure,
    shuffle_figure,
)
from app.figures.moma_sentences import (
    answers_sentence,
    map_sentence,
    mixing_sentence,
    reach_sentence,
    shuffle_sentence,
    standing_view,
)
from app.moma_models import TOWER_WEIGHTS, UNTRAINED, MomaSetting
from app.moma_runs import COST_MODELS, MomaLook, look_rows, moma_costs
from app.tabs.adapters_moma_how import HOW_MIXING, HOW_MODULATION, HOW_REACH, HOW_SHUFFLE

_COST_TITLES = {
    "moma_mini": "The small one",
    "moma_b16": "MoMa-B/16",
    "moma_l14": "MoMa-L/14",
}


@dataclass(frozen=True)
class Maps:
    """The placed answers, maps of a modulation and frame-shuffle test."""

    standing: gr.HTML
    answers: gr.HTML
    answer_words: gr.HTML
    layer: gr.Slider
    measure: gr.Radio
    picture: gr.HTML
    words: gr.HTML
    layers: gr.Plot
    shuffle: gr.Plot
    shuffle_words: gr.HTML
    export: gr.HTML

    @property
    def parts(self) -> list[gr.components.Component]:
        """All that a look at a clip changes."""
        return [
            *(self.standing, self.answers, self.answer_words, self.layer, self.picture),
            *(self.words, self.layers, self.shuffle, self.shuffle_words, self.export),
        ]

    def looked(self, look: MomaLook, setting: MomaSetting) -> dict:
        """Where a look is shown, the map of one modulation apart."""
        return {
            self.standing: _standing(setting),
            self.answers: answers_view(look),
            self.answer_words: what_to_look_at(answers_sentence(look)),
            self.layers: layers_figure(look),
            self.shuffle: shuffle_figure(look),
            self.shuffle_words: what_to_look_at(shuffle_sentence(look)),
            self.export: exported(
                f"{look.clip}-moma", [asdict(look)], look.setting, list(look_rows(look))
            ),
        }


@dataclass(frozen=True)
class Reach:
    """The placed reach of a token."""

    windows: gr.HTML
    scans: gr.HTML
    words: gr.HTML

    @property
    def parts(self) -> list[gr.components.Component]:
        return [self.windows, self.scans, self.words]


def build_standing(setting: MomaSetting) -> gr.HTML:
    """Place the sentence that says what was trained."""
    return gr.HTML(_standing(setting), elem_id="adapters-moma-standing", apply_default_css=False)


def build_maps(standing: gr.HTML, depth: int) -> Maps:
    """Place answers, maps and the frame-shuffle test, without a clip yet."""
    answers = gr.HTML(answers_view(None), elem_id="adapters-moma-answers", apply_default_css=False)
    answer_words = caption(answers_sentence(None), "adapters-moma-answers-caption")
    with gr.Row(elem_classes="adapter-choices"):
        layer = gr.Slider(1, depth, 1, step=1, label="Modulation", elem_id="adapters-moma-layer")
        measure = gr.Radio(
            [(title, name) for name, title in MEASURE_TITLES.items()],
            value="scale",
            label="Shown",
            elem_id="adapters-moma-measure",
        )
    picture = build_token_picture("adapters-moma-map", "Modulation over the clip", asks=True)
    with gr.Row(elem_classes="under-row"):
        words = caption(map_sentence(None, 1), "adapters-moma-map-caption")
        export = result_export("adapters-moma")
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            layers = titled_plot(layers_figure(None), "Strength of every modulation")
        with gr.Column(min_width=320):
            shuffle = titled_plot(shuffle_figure(None), "The same frames in another order")
            shuffle_words = caption(shuffle_sentence(None), "adapters-moma-shuffle-caption")
    how_it_is_computed(HOW_MODULATION + HOW_SHUFFLE)
    return Maps(
        standing,
        answers,
        answer_words,
        layer,
        measure,
        picture,
        words,
        layers,
        shuffle,
        shuffle_words,
        export,
    )


def build_reach() -> Reach:
    """Place the two pictures of what a token hears of."""
    section_heading("What one token hears of")
    windows = build_token_picture("adapters-moma-windows", "Reach with windows only", asks=True)
    scans = build_token_picture("adapters-moma-scans", "Reach with windows and scans", asks=True)
    words = caption(reach_sentence(None), "adapters-moma-reach-caption")
    how_it_is_computed(HOW_REACH)
    return Reach(windows, scans, words)


def build_mixing() -> None:
    """Place the costs of attention, windows and scans; they depend on no clip."""
    section_heading("What it costs to let tokens hear of each other")
    size = gr.Radio(
        [(_COST_TITLES[name], name) for name in COST_MODELS],
        value=COST_MODELS[0],
        show_label=False,
        container=False,
        elem_id="adapters-moma-size",
    )
    first = moma_costs(COST_MODELS[0])
    plot = titled_plot(mixing_figure(first), "Multiply-adds over frames")
    words = caption(mixing_sentence(first), "adapters-moma-mixing-caption")
    how_it_is_computed(HOW_MIXING)

    def drawn(architecture: str) -> dict:
        costs = moma_costs(architecture)
        return {plot: mixing_figure(costs), words: what_to_look_at(mixing_sentence(costs))}

    size.input(drawn, size, [plot, words], show_progress="hidden", api_visibility="private")


def _standing(setting: MomaSetting) -> str:
    trained = None if setting.weights == UNTRAINED else weights_card(setting.weights)
    return standing_view(trained, weights_card(TOWER_WEIGHTS))
