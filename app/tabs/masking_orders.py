"""Masking over many clips: strategies against scan orders, measured beforehand."""

from dataclasses import asdict

import gradio as gr

from app.components.explanation import (
    caption,
    how_it_is_computed,
    section_heading,
    what_to_look_at,
)
from app.components.export import exported, result_export
from app.components.mask_order_table import mask_order_sentence, mask_order_table
from app.components.sorted_table import build_sorted_table
from app.mask_orders import MaskOrders, read_mask_orders

HOW = """
Every model of the scan-order study (two seeds an order, trained on whole clips of camera moves)
answers rendered clips over photographs it was never trained on, first whole, then with each
strategy; every clip has a mask of its own, the same for all models. Hidden tokens are dropped
before the first block, as in masked pretraining (VideoMamba paper, section 3.4).

- **Big number:** share of right answers, mean of the models of an order. None of them was trained
  with masks: this is what they bear, not what masked pretraining would bring.
- **Run:** mean length of visible runs in the model's scans, averaged over layers and
  directions.
- **Leakage:** share of hidden tokens whose site is visible one time step before or after.
- **Hidden:** rows and sites round down, so strategies hide unequal shares of 80 %; at 75 % they are
  equal on this grid.
"""


def build_masking_orders() -> None:
    """Place the table; it is of the shipped study whatever is chosen beside."""
    orders = read_mask_orders()
    ratios = orders.ratios if orders else [0.8]
    section_heading("Over many clips: strategies and scan orders")
    ratio = gr.Radio(
        [(f"{100 * value:.3g} %", value) for value in ratios],
        value=ratios[0],
        label="Share asked to be hidden",
        elem_id="mask-accuracies-ratio",
        elem_classes="inline-choice",
    )
    table = build_sorted_table(
        mask_order_table(orders, ratios[0]), "mask-accuracies", "Strategies and scan orders"
    )
    with gr.Row(elem_classes="under-row"):
        words = caption(mask_order_sentence(orders, ratios[0]), "mask-accuracies-caption")
        result_export("mask_accuracies", orders and _exported(orders))
    how_it_is_computed(HOW)

    def show(chosen: float) -> dict:
        return {
            table: mask_order_table(orders, chosen),
            words: what_to_look_at(mask_order_sentence(orders, chosen)),
        }

    ratio.input(
        show, ratio, [table, words], show_progress="hidden", api_visibility="private", queue=False
    )


def _exported(orders: MaskOrders) -> dict:
    """A row per strategy, ratio and scan order."""
    rows = [
        {
            "strategy": row.strategy,
            "ratio": row.ratio,
            "real_ratio": row.real_ratio,
            "leakage": row.leakage,
            "scan_order": order.scan_order,
            "whole_accuracy": order.accuracy,
            **asdict(cell),
        }
        for row in orders.table.rows
        for order, cell in zip(orders.table.orders, row.cells, strict=True)
    ]
    return exported("masking-by-scan-order", rows, orders.settings)
