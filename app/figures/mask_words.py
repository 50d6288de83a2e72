"""What a mask hides and what it leaves to the scan, in words filled with this clip's numbers."""

from analysis.masking.compacted_scan import CompactedScan
from analysis.masking.strategies import Strategy
from app.figures.number_format import share, significant, whole
from app.mask_runs import TOKEN_ORDERS, DrawnMasks
from app.theme import SCAN_ORDER_NAMES, STRATEGY_NAMES

GUIDE_BUTTONS = {"attention": "Attention", "motion": "Motion"}
"""What the button says that shows what a strategy goes by."""

GUIDE_WORDS = {"attention": "attention of the teacher", "motion": "motion"}
"""What its colours stand for."""

_ORDER_WORDS = {
    "spatial_first": "row by row, frame by frame",
    "temporal_first": "site by site, each through time",
}
ROWS = ("clip_row", "frame_row")


def origin(strategy: Strategy) -> str:
    return "published" if strategy.published else "ours"


def rule(drawn: DrawnMasks, strategy: Strategy) -> str:
    """What the strategy hides, how it rounds here, and what it goes by."""
    words = [f"Hides {strategy.summary}."]
    if strategy.name in ROWS:
        rows = int(drawn.setting.ratio * drawn.grid.h)
        where = "a frame" if strategy.name == "frame_row" else "a frame on average"
        words.append(f"Rows stay whole, so {rows} of {drawn.grid.h} are hidden {where}.")
    guide = drawn.guides[strategy.reads] if strategy.reads else None
    if strategy.reads == "attention":
        words.append(f"The teacher is {guide.title}. {guide.note}")
    elif strategy.reads == "motion" and not guide.weights.any():
        words.append("Nothing moves in one frame, so all tokens weigh the same.")
    elif strategy.reads == "motion":
        words.append("Motion is the squared difference to the frame before, in a token's pixels.")
    return " ".join(words)


def count_words(drawn: DrawnMasks, name: str) -> str:
    """Nominal and real ratio, and the tokens that are left."""
    real = share(round(drawn.real_ratio(name), 3))
    return (
        f"{share(drawn.setting.ratio)} asked for, {real} hidden: "
        f"{whole(drawn.visible(name))} of {whole(drawn.grid.patches)} tokens left"
    )


def order_words(name: str, scans: float) -> str:
    """How a token order reads the grid, and which share of the model's scans, 0 to 1, use it."""
    part = "all" if scans == 1 else "none" if scans == 0 else share(float(f"{scans:.3g}"))
    return f"{_ORDER_WORDS[name]}: {part} of this model's scans"


def mask_sentence(drawn: DrawnMasks, token_order: str, conv_width: int) -> str:
    """What the chosen mask leaves to the convolution and the scan, beside single tokens or rows."""
    name = drawn.setting.strategy
    other = "random" if name != "random" else "frame_row"
    own, beside = (drawn.scan(one, token_order) for one in (name, other))
    if own.mean_run is None or beside.mean_run is None:
        return f"{STRATEGY_NAMES[name]} leaves no token of this clip: choose a lower ratio."
    turned = next(order for order in TOKEN_ORDERS if order != token_order)
    words = [
        f"Read {_read(token_order)}, {STRATEGY_NAMES[name].lower()} leaves runs of "
        f"{significant(own.mean_run)} tokens on average, the longest of {whole(own.longest_run)}; "
        f"{STRATEGY_NAMES[other].lower()} leaves {significant(beside.mean_run)}. Read "
        f"{_read(turned)}, the same mask leaves {significant(drawn.scan(name, turned).mean_run)}.",
        _adjacency(own, conv_width),
    ]
    return " ".join(filter(None, words))


def _read(token_order: str) -> str:
    return SCAN_ORDER_NAMES[token_order].lower()


def _adjacency(scan: CompactedScan, conv_width: int) -> str:
    if scan.grid_adjacency is None:
        return ""
    part = share(float(f"{scan.grid_adjacency:.2g}"))
    if scan.grid_adjacency > 0.5:
        return (
            f"The convolution, {conv_width} tokens wide, mostly reads real neighbours: {part} of "
            "the tokens that follow one another touch on the grid."
        )
    return (
        f"The convolution, {conv_width} tokens wide, mostly reads strangers: only {part} of the "
        "tokens that follow one another touch on the grid."
    )
