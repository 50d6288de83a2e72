"""Learn: the recurrence on a clip of 27 patches, with numbers to check by hand."""

import gradio as gr

from analysis.attribution.toy_walk import (
    KEPT_SHARES,
    TOY_GRID,
    ToySetting,
    toy_walk,
)
from analysis.ops.scan_order import TOKEN_ORDERS
from app.components.explanation import how_it_is_computed, what_to_look_at
from app.context import AppContext
from app.figures.toy import toy_figure
from app.figures.toy_chapters import CHAPTERS, Chapter

_LAST = TOY_GRID.patches - 1
_TICK_S = 0.6
_LIGHT = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

HOW = """
- The clip is 1 where the ball is and 0 elsewhere. One channel, one state, $A = -1$, $B = C = 1$, no
  convolution, no gate, no skip: what is left of a Mamba layer is its recurrence
  $h_k = e^{\\Delta_k A} h_{k-1} + \\Delta_k B\\, u_k$ and $y_k = C\\, h_k$.
- In a model $\\Delta$ is computed from the token by a small network; here you set it: a token that
  keeps the share $s$ has $\\Delta = -\\ln s$. **0.5** means $\\Delta = 0.693$.
- The part of source $s$ in receiver $t$ is
  $C\\, e^{A(\\Delta_{s+1} + \\dots + \\Delta_t)} \\Delta_s B\\, u_s$. **Exact:** the parts add
  up to the output, up to rounding in double precision.
- Nothing on this page is trained. It is the program's own scan and decomposition, the same code
  that Hidden states runs on real models.

Sources: Mamba (arXiv 2312.00752, sections 3.1-3.2); hidden attention (arXiv 2403.01590).
"""


def build_learn(context: AppContext) -> None:
    """Lay out the tab and connect it; nothing here depends on the sidebar."""
    first = CHAPTERS[0]
    first_told, first_figure = _shown(first, first.setting, first.step)
    with gr.Row(elem_classes="learn"):
        with gr.Column(scale=2, min_width=280):
            chapter = gr.Radio(
                [(f"{number}. {one.title}", number - 1) for number, one in enumerate(CHAPTERS, 1)],
                value=0,
                label="The walk",
                elem_id="learn-chapter",
            )
            with gr.Row():
                back = gr.Button(
                    "Back", size="sm", elem_id="learn-back", interactive=False, min_width=80
                )
                onward = gr.Button(
                    "Next", size="sm", variant="primary", elem_id="learn-next", min_width=80
                )
        with gr.Column(scale=5, min_width=320):
            told = gr.HTML(
                first_told,
                apply_default_css=False,
                elem_id="learn-told",
            )
            figure = gr.HTML(
                first_figure,
                apply_default_css=False,
                elem_id="learn-figure",
            )
            with gr.Row(elem_classes="action-row"):
                play = gr.Button("Play", size="sm", elem_id="learn-play")
                step = gr.Slider(
                    1, _LAST + 1, first.step + 1, step=1, label="Step", elem_id="learn-step"
                )
            with gr.Row():
                order = gr.Dropdown(
                    [(name.replace("_", " "), name) for name in TOKEN_ORDERS],
                    value=first.setting.token_order,
                    label="Order of reading",
                    elem_id="learn-order",
                )
                direction = gr.Radio(
                    ["forward", "backward"], value="forward", label="Direction", min_width=180
                )
            with gr.Row():
                kept_empty = gr.Radio(
                    list(KEPT_SHARES),
                    value=0.9,
                    label="An empty patch keeps",
                    min_width=180,
                    elem_id="learn-kept-empty",
                )
                kept_ball = gr.Radio(
                    list(KEPT_SHARES),
                    value=0.5,
                    label="The ball keeps",
                    min_width=180,
                    elem_id="learn-kept-ball",
                )
            how_it_is_computed(HOW)
    timer = gr.Timer(_TICK_S, active=False)
    settings = [order, direction, kept_empty, kept_ball]

    def draw(number, step, *values):
        words, drawn = _shown(CHAPTERS[number], ToySetting(*values), step - 1)
        return {told: words, figure: drawn}

    def open_chapter(number: int):
        one = CHAPTERS[number]
        setting = one.setting
        return {
            step: one.step + 1,
            order: setting.token_order,
            direction: setting.direction,
            kept_empty: setting.kept_empty,
            kept_ball: setting.kept_ball,
            back: gr.update(interactive=number > 0),
            onward: gr.update(interactive=number < len(CHAPTERS) - 1),
            timer: gr.Timer(active=False),
            play: "Play",
            **draw(
                number,
                one.step + 1,
                setting.token_order,
                setting.direction,
                setting.kept_empty,
                setting.kept_ball,
            ),
        }

    def start_or_stop(label: str, step_now: int):
        running = label == "Play"
        again = 1 if running and step_now > _LAST else gr.skip()
        return {play: "Stop" if running else "Play", timer: gr.Timer(active=running), step: again}

    def tick(step_now: int):
        if step_now > _LAST:
            return {timer: gr.Timer(active=False), play: "Play", step: gr.skip()}
        return {timer: gr.skip(), play: gr.skip(), step: step_now + 1}

    everything = [told, figure, step, *settings, back, onward, timer, play]
    chapter.change(open_chapter, chapter, everything, **_LIGHT)
    back.click(lambda number: number - 1, chapter, chapter, **_LIGHT)
    onward.click(lambda number: number + 1, chapter, chapter, **_LIGHT)
    gr.on(
        [step.change, *(each.input for each in settings)],
        draw,
        [chapter, step, *settings],
        [told, figure],
        trigger_mode="always_last",
        **_LIGHT,
    )
    play.click(start_or_stop, [play, step], [play, timer, step], **_LIGHT)
    timer.tick(tick, step, [timer, play, step], **_LIGHT)


def _shown(chapter: Chapter, setting: ToySetting, step: int) -> tuple[str, str]:
    """What a chapter says and what it draws at a step, from 0."""
    walk = toy_walk(setting)
    told = what_to_look_at(chapter.told(walk, step))
    told += what_to_look_at(f"Try it: {chapter.try_this}")
    return told, toy_figure(walk, step, chapter.view)
