"""The studies whose tables ship with the program."""

from analysis.ops.scan_order import SCAN_ORDERS
from analysis.training.studies import Study, StudyRun

SEEDS = (0, 1)


def _order_run(scan_order: str, seed: int) -> StudyRun:
    base = f"videomamba_mini.order_{scan_order}"
    return StudyRun(
        name=base if seed == 0 else f"{base}.seed_{seed}",
        settings={"scan_order": scan_order, "seed": seed},
        base=base,
        changes=() if seed == 0 else (f"seed={seed}",),
    )


SCAN_ORDER_STUDY = Study(
    name="scan_orders",
    question="Which order should a model read its tokens in, if it is trained in that order?",
    runs=tuple(_order_run(order, seed) for seed in SEEDS for order in SCAN_ORDERS),
    ships=True,
)

STUDIES = (SCAN_ORDER_STUDY,)
