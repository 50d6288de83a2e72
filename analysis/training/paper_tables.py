"""Results the VideoMamba paper and its model zoo report, as tables to stand beside ours."""

from dataclasses import dataclass

from analysis.weights.published import published_cards

PAPER = "VideoMamba (Li et al., 2024)"


@dataclass(frozen=True)
class PaperTable:
    """One reported table.

    columns: names; `rows` hold a value for each. The last column is top-1 in percent.
    source: where it stands; data: what was measured on what.
    studies: names of ours of the same question; held: settings of theirs that all rows share.
    """

    name: str
    title: str
    source: str
    data: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]
    studies: tuple[str, ...] = ()
    held: tuple[tuple[str, str | int | float], ...] = ()


_SSV2_TINY = "Something-Something V2, VideoMamba-Ti"
_SSV2_MASKED = "Something-Something V2, VideoMamba-M after 200 epochs of masked pretraining"

SCAN_TYPES = PaperTable(
    name="scan_types",
    title="Scan order",
    source=f"{PAPER}, Fig. 7a",
    data=_SSV2_TINY,
    columns=("scan_order", "top1_percent"),
    rows=(
        ("spatial_first", 65.1),
        ("temporal_first", 62.4),
        ("spatiotemporal_v1", 63.9),
        ("spatiotemporal_v2", 64.2),
        ("half_spatial_half_temporal", 64.0),
        ("half_temporal_half_spatial", 64.1),
        ("alternating", 65.1),
    ),
    studies=("scan_orders", "scan_orders_actions"),
)

_ABLATIONS = (
    PaperTable(
        name="mask_types",
        title="Mask",
        source=f"{PAPER}, ablation of masked pretraining",
        data=_SSV2_MASKED,
        columns=("mask", "top1_percent"),
        rows=(
            ("random", 67.4),
            ("tube", 66.3),
            ("clip_row", 68.2),
            ("frame_row", 67.8),
            ("attention", 68.5),
        ),
        studies=("masked_alignment",),
        held=(("ratio_percent", 80),),
    ),
    PaperTable(
        name="mask_ratios",
        title="Masked share",
        source=f"{PAPER}, ablation of masked pretraining",
        data=_SSV2_MASKED,
        columns=("ratio_percent", "top1_percent"),
        rows=((50, 68.1), (65, 68.4), (80, 68.5), (90, 68.2)),
        studies=("masked_alignment",),
        held=(("mask", "attention"),),
    ),
    PaperTable(
        name="alignment_layers",
        title="Aligned layers",
        source=f"{PAPER}, ablation of masked pretraining",
        data=_SSV2_MASKED,
        columns=("aligned", "top1_percent"),
        rows=(("last 1", 68.5), ("last 2", 68.4), ("last 6", 68.2), ("last 6 x 2", 67.7)),
    ),
    PaperTable(
        name="drop_path",
        title="Drop path",
        source=f"{PAPER}, ablation of masked pretraining",
        data=_SSV2_MASKED,
        columns=("drop_path", "top1_percent"),
        rows=((0.1, 68.0), (0.2, 68.2), (0.3, 68.4), (0.4, 68.5)),
    ),
)


def paper_tables() -> tuple[PaperTable, ...]:
    """Every table, the one of the scan orders first."""
    return (SCAN_TYPES, *_ABLATIONS, _checkpoints())


def paper_value(study: str, settings: dict) -> float | None:
    """What the paper reports for one setting of our study; None where it has no such row."""
    for table in paper_tables():
        if study not in table.studies:
            continue
        for row in table.rows:
            reported = dict(table.held) | dict(zip(table.columns, row, strict=True))
            if all(reported.get(name) == value for name, value in settings.items()):
                return float(row[-1])
    return None


def _checkpoints() -> PaperTable:
    rows = tuple(
        (card.name, card.num_frames or 1, card.image_size, card.reported_accuracy)
        for card in published_cards()
        if card.reported_accuracy is not None
    )
    return PaperTable(
        name="checkpoints",
        title="Released checkpoints",
        source="model zoo of the published code",
        data="each on the test set of its own data",
        columns=("weights", "num_frames", "image_size", "top1_percent"),
        rows=rows,
    )
