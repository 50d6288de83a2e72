"""The row of Hidden states that says what is asked: of which layer, which way, in which measure."""

from dataclasses import dataclass

import gradio as gr

SIDE_CHOICES = (("Who feeds it", "sources"), ("Whom it feeds", "receivers"))
DIRECTION_CHOICES = (("Both", "both"), ("Forward", "forward"), ("Backward", "backward"))
SCORE_CHOICES = (
    ("L2 norm", "l2_norm"),
    ("L1 norm", "l1_norm"),
    ("Signed share", "signed_share"),
    ("ALTI", "alti"),
    ("Logit share", "logit_share"),
)
LEVEL_CHOICES = (
    ("Residual stream", "residual"),
    ("Pre-conv", "pre_conv"),
    ("Scan values", "value"),
)


@dataclass(frozen=True)
class Controls:
    """The placed row."""

    layer: gr.Slider
    side: gr.Radio
    direction: gr.Radio
    score: gr.Dropdown
    level: gr.Dropdown

    @property
    def parts(self) -> list[gr.components.Component]:
        return [self.layer, self.side, self.direction, self.score, self.level]


def build_controls(depth: int) -> Controls:
    """Place the row for a model of `depth` layers; it asks about the last one."""
    with gr.Row(elem_id="hidden-controls"):
        return Controls(
            gr.Slider(1, depth, depth, step=1, label="Layer", elem_id="hidden-layer"),
            gr.Radio(list(SIDE_CHOICES), value="sources", label="Shown", elem_id="hidden-side"),
            gr.Radio(
                list(DIRECTION_CHOICES), value="both", label="Scan", elem_id="hidden-direction"
            ),
            _menu(SCORE_CHOICES, "l2_norm", "Measured as", "hidden-score"),
            _menu(LEVEL_CHOICES, "residual", "Taken apart in", "hidden-level"),
        )


def _menu(choices: tuple[tuple[str, str], ...], value: str, label: str, name: str) -> gr.Dropdown:
    return gr.Dropdown(list(choices), value=value, label=label, filterable=False, elem_id=name)
