"""Arithmetic: what a pass multiplies and adds, part by part, beside attention of the same size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import gradio as gr

from app.components.arithmetic_table import arithmetic_table
from app.components.explanation import caption, how_it_is_computed, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, empty_notice, guarded, working
from app.components.sorted_table import build_sorted_table
from app.context import AppContext
from app.figures.arithmetic_bars import multiply_adds_bars, parameters_bars
from app.figures.arithmetic_sentences import (
    counting_sentence,
    parameters_sentence,
    peers_sentence,
)
from app.figures.cost_curves import architecture_name
from app.selection import Selection, trained_order
from app.session import planned
from app.theme import ASSETS

if TYPE_CHECKING:  # It brings the models; the page opens without.
    from analysis.profiling.attention_peers import TitledArithmetic

HOW_FLOPS = """
**Convention.** One multiplication with its addition counts as 1. FLOPs are twice that; the paper
prints multiply-adds and calls them FLOPs.

- **Counted**: PyTorch's operation counter watches a forward pass of one clip on the *meta* device,
  where tensors have shapes and no numbers, so any size can be counted on any machine.
- **Added from a formula** (hatched): a scan is one operation to the counter. For every scan of
  $L$ tokens, $E$ inner channels and $N$ states, $9LEN$ for the recurrence and $LE$ for the skip;
  $2LE$ a layer for the gate. *Spatiotemporal v2* reads two orders in both directions: twice the
  scans, convolutions, x projections and step sizes.
- **Left out**, of all models: norms, activation functions, softmax, additions between blocks.
- **As its paper counts**: of a VideoMamba the patch embedding, both projections and the classifier
  only. So recomputed, all GFLOPs the paper prints come out, but for VideoMamba-S at 64 frames of
  384 px, where it prints half (395 for 794). Attention models' papers count all products.
- **Peers** are this project's own models, with the same patches, width and classes and half as
  many blocks. A MoMa stands beside the CLIP it is made of, looking at each frame by itself, and
  attention models as wide and as deep as that; a model with adaptors beside itself without them.
  MoMa's windows never have more than a fixed number of tokens, so it too is linear in frames.
  Adaptor-T scans once more for the mean states and reads $2KLEN$ a scan. ViViT joins two frames in
  a token, as published, so it has half the tokens. Joint attention costs $O((TP)^2)$ for $T$
  frames of $P$ patches, divided $O(TP^2 + PT^2)$.

Arithmetic is not time: a matrix product runs near a machine's peak and a scan does not. The curves
above are measured. Sources: VideoMamba (arXiv 2403.06977), TimeSformer (2102.05095), ViViT
(2103.15691), issue 110 of state-spaces/mamba for the scan.
"""


def build_cost_flops(context: AppContext) -> None:
    """Place the section; it follows the sidebar while the tab is open."""
    notice = gr.HTML(
        empty_notice(), apply_default_css=False, elem_id="flops-notice", elem_classes="notice-line"
    )
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            work = _titled_bars(multiply_adds_bars(()), "Multiply-adds by part", "flops-work")
            counting = caption(counting_sentence((), None), "flops-counting")
            peers_words = caption(peers_sentence(()))
        with gr.Column(min_width=320):
            parameters = _titled_bars(parameters_bars(()), "Parameters by part", "flops-weights")
            parameters_words = caption(parameters_sentence(()))
    with gr.Accordion("All parts", open=False):
        table = build_sorted_table(arithmetic_table(()), "flops-table", "Multiply-adds by part")
    export = result_export("flops")
    how_it_is_computed(HOW_FLOPS)

    @guarded(notice)
    def show(open_tab: str, selection: Selection | None) -> Iterator[dict]:
        if open_tab != "cost" or selection is None:
            yield {notice: gr.skip()}
            return
        yield {notice: working("Counting")}
        models: list[TitledArithmetic] = []
        for model in _models(selection):
            models.append(model)
            yield {
                work: multiply_adds_bars(models),
                parameters: parameters_bars(models),
                notice: working(f"Counted {model.title}"),
            }
        yield {
            counting: what_to_look_at(counting_sentence(models, _printed(selection))),
            peers_words: what_to_look_at(peers_sentence(models)),
            parameters_words: what_to_look_at(parameters_sentence(models)),
            table: arithmetic_table(models),
            export: _exported(selection, models),
            notice: done(f"{len(models)} models counted, none run"),
        }

    gr.on(
        [context.open_tab.change, context.changed.change],
        show,
        [context.open_tab, context.changed],
        [work, parameters, counting, peers_words, parameters_words, table, export, notice],
        trigger_mode="always_last",
        show_progress="hidden",
        api_visibility="private",
    )


def _titled_bars(value: str, title: str, elem_id: str) -> gr.HTML:
    """Place `title` and, under it, the bars."""
    gr.HTML(f'<h4 class="figure-title">{title}</h4>', apply_default_css=False)
    return gr.HTML(
        value,
        css_template=(ASSETS / "region_bars.css").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        label=title,
    )


def _models(selection: Selection) -> Iterator[TitledArithmetic]:
    """The selection's model and its peers, as they are counted."""
    from analysis.profiling.attention_peers import TitledArithmetic, arithmetic_peers
    from analysis.profiling.flops import model_arithmetic

    plan = planned(selection)
    architecture = plan.card.architecture
    fields = dict(vars(plan.config))
    if plan.card.scan_order is not None:
        fields["scan_order"] = selection.scan_order
    arithmetic = model_arithmetic(architecture, **fields)
    yield TitledArithmetic(architecture, architecture_name(architecture), arithmetic)
    yield from arithmetic_peers(architecture, **fields)


def _printed(selection: Selection) -> float | None:
    """The GFLOPs printed for the selection's weights, if it reads them as they were trained."""
    from analysis.profiling.printed_flops import PRINTED_GFLOPS

    card = planned(selection).card
    as_trained = (card.num_frames or 1, card.image_size, trained_order(card))
    chosen = (selection.num_frames, selection.image_size, selection.scan_order)
    return PRINTED_GFLOPS.get(card.name) if chosen == as_trained else None


def _exported(selection: Selection, models: list[TitledArithmetic]) -> dict:
    from analysis.profiling.flop_rows import arithmetic_row

    rows = [arithmetic_row(model.title, model.arithmetic) for model in models]
    table = [
        {
            "name": row["name"],
            "part": part,
            "multiply_adds": row["parts"].get(part, 0),
            "counted": row["counted"].get(part, 0),
            "added": row["added"].get(part, 0),
            "parameters": row["parameters"].get(part, 0),
        }
        for row in rows
        for part in dict.fromkeys((*row["parts"], *row["parameters"]))
    ]
    settings = {
        "model": selection.model,
        "frames": selection.num_frames,
        "image_size": selection.image_size,
        "scan_order": selection.scan_order,
        "convention": "one multiply-add is 1",
    }
    return exported("arithmetic", rows, settings, table)
