"""The controls of Masking: strategy, ratio and seed. The scan order is the sidebar's."""

import secrets
from dataclasses import dataclass

import gradio as gr

from analysis.masking.strategies import STRATEGIES
from app.mask_runs import MOST_RATIO, MOST_SEED, MaskSetting
from app.theme import STRATEGY_NAMES

FIRST = MaskSetting()
_SEEDS = 10_000
"""Seeds that the button draws from: few digits are easy to tell each other."""


@dataclass(frozen=True)
class MaskControls:
    """The placed controls."""

    strategy: gr.Dropdown
    ratio: gr.Slider
    seed: gr.Number
    anew: gr.Button

    @property
    def parts(self) -> list[gr.components.Component]:
        """What to list as inputs; their values are what `checked_setting` takes."""
        return [self.strategy, self.ratio, self.seed]


def build_mask_controls() -> MaskControls:
    """Place the controls."""
    strategies = [(STRATEGY_NAMES[name], name) for name in STRATEGIES]
    return MaskControls(
        strategy=gr.Dropdown(
            strategies,
            value=FIRST.strategy,
            label="Strategy",
            filterable=False,
            min_width=120,
            elem_id="mask-strategy",
        ),
        ratio=gr.Slider(
            0,
            MOST_RATIO,
            FIRST.ratio,
            step=0.05,
            label="Share hidden",
            min_width=180,
            buttons=[],
            elem_id="mask-ratio",
        ),
        seed=gr.Number(
            FIRST.seed,
            label="Seed",
            precision=0,
            minimum=0,
            maximum=MOST_SEED,
            min_width=80,
            elem_id="mask-seed",
        ),
        anew=gr.Button("Draw anew", size="sm", elem_id="mask-anew", min_width=96),
    )


def another_seed(seed: float | None) -> int:
    """A small seed that differs from the last one."""
    drawn = secrets.randbelow(_SEEDS - 1)
    return drawn + (drawn >= (seed or 0))
