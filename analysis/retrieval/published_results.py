"""What the authors report of their video-text models, to stand beside what is measured here."""

from collections.abc import Iterator

from analysis.retrieval.annotations import DATA_SETS
from analysis.retrieval.metrics import RECALL_AT

# Zero-shot text to video, R@1/5/10 in percent, by data set, for 5M, 17M and 25M pairs of
# pretraining: the model zoo's table. The paper's Table 8 differs from it in two places: 53.0 and
# 63.8 for MSR-VTT with 5M, and 42.6 for R@1 of MSVD with 25M.
_ZERO_SHOT = {
    "msrvtt": ((32.0, 53.1, 63.6), (34.7, 58.9, 68.0), (35.6, 58.1, 69.5)),
    "didemo": ((36.6, 61.7, 70.3), (42.0, 67.3, 76.8), (43.1, 68.1, 77.7)),
    "activitynet": ((35.9, 61.1, 72.3), (40.1, 65.7, 76.1), (41.0, 67.5, 77.8)),
    "lsmdc": ((18.0, 36.1, 43.4), (18.4, 35.3, 43.0), (20.4, 37.1, 45.7)),
    "msvd": ((38.0, 68.6, 79.0), (40.3, 70.0, 79.7), (42.0, 71.6, 81.2)),
}
_PAIRS = ("5M", "17M", "25M")


def published_recall(tag: str, data_set: str) -> dict[int, float] | None:
    """Reported text-to-video recall in percent by depth; None where none is reported.

    `tag` is that of the weights, such as "5M_f8_res224", `data_set` a name of `DATA_SETS`.
    """
    pairs = tag.split("_", 1)[0]
    if pairs not in _PAIRS or data_set not in _ZERO_SHOT:
        return None
    row = _ZERO_SHOT[data_set][_PAIRS.index(pairs)]
    return dict(zip(RECALL_AT, row, strict=True))


def published_rows() -> Iterator[dict[str, object]]:
    """All they report: "data_set" as it is called, "pairs" of pretraining, "recall_percent"."""
    for name, rows in _ZERO_SHOT.items():
        for pairs, row in zip(_PAIRS, rows, strict=True):
            recall = dict(zip(RECALL_AT, row, strict=True))
            yield {"data_set": DATA_SETS[name].title, "pairs": pairs, "recall_percent": recall}
