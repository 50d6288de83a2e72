"""Figures in Masking: what every strategy leaves to the scan, gives away and still covers."""

from collections.abc import Iterator

import gradio as gr

from app.components.explanation import caption, how_it_is_computed, section_heading, what_to_look_at
from app.components.export import exported, result_export
from app.components.mask_tables import metric_rows, order_table, strategy_table
from app.components.notice import done, empty_notice, guarded
from app.components.sorted_table import build_sorted_table
from app.components.titled_plot import titled_plot
from app.context import AppContext
from app.figures.mask_metrics import frame_figure, gap_figure, run_figure, site_figure
from app.figures.mask_sentences import (
    drawn_sentence,
    frame_sentence,
    gap_sentence,
    run_sentence,
    site_sentence,
)
from app.figures.number_format import duration
from app.mask_files import mask_settings
from app.mask_measures import MaskMeasures, mask_measures
from app.mask_runs import MaskQuestion
from app.tabs.masking_metrics_how import HOW_METRICS

_PLOTS = (
    ("Runs of visible tokens", run_figure, run_sentence),
    ("Gaps that closed", gap_figure, gap_sentence),
    ("Visible tokens by time step", frame_figure, frame_sentence),
    ("Where tokens are visible", site_figure, site_sentence),
)
"""Title, figure and sentence of each plot, two in a row."""


def build_masking_metrics(context: AppContext, question: gr.State) -> gr.events.Dependency:
    """Place the section; it follows `question`, a MaskQuestion or None.

    The event that draws the figures is given back, for what should wait for them.
    """
    section_heading("What the masks leave")
    notice = gr.HTML(
        empty_notice(),
        apply_default_css=False,
        elem_id="mask-metrics-notice",
        elem_classes="notice-line",
    )
    drawings, words = [], []
    for first in range(0, len(_PLOTS), 2):
        with gr.Row(elem_classes="figure-row"):
            for title, figure, sentence in _PLOTS[first : first + 2]:
                with gr.Column(min_width=320):
                    drawings.append(titled_plot(figure(None), title))
                    words.append(caption(sentence(None)))
    table = build_sorted_table(strategy_table(None), "mask-strategies", "Masks of every strategy")
    gr.HTML('<h4 class="figure-title">Mean run by scan order</h4>', apply_default_css=False)
    orders = build_sorted_table(order_table(None), "mask-orders", "Mean run by scan order")
    with gr.Row(elem_classes="under-row"):
        how_it_is_computed(HOW_METRICS)
        export = result_export("mask_metrics")

    @guarded(notice)
    def measure(asked: MaskQuestion | None) -> Iterator[dict]:
        if asked is None:
            yield {notice: gr.skip()}
            return
        found = mask_measures(context.session, asked)
        yield {
            **{plot: figure(found) for plot, (_, figure, _) in zip(drawings, _PLOTS, strict=True)},
            **{
                text: what_to_look_at(sentence(found))
                for text, (_, _, sentence) in zip(words, _PLOTS, strict=True)
            },
            table: strategy_table(found),
            orders: order_table(found),
            export: _exported(asked, found),
            notice: done(f"{drawn_sentence(found)}, in {duration(found.latency_ms)}"),
        }

    return question.change(
        measure,
        question,
        [*drawings, *words, table, orders, export, notice],
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="always_last",
    )


def _exported(asked: MaskQuestion, found: MaskMeasures) -> dict:
    settings = {
        **mask_settings(found.drawn, asked.selection),
        "conv_width": found.conv_width,
        "attribution": found.attribution,
    }
    name = f"{asked.selection.clip_name}-mask-figures"
    return exported(name, metric_rows(found), settings)
