"""What to look at in the figures of masks, filled with this clip's numbers."""

from analysis.masking.interval import Interval
from app.figures.number_format import share, significant, whole
from app.mask_measures import MaskMeasures
from app.theme import SCAN_ORDER_NAMES, STRATEGY_NAMES

WAITING = "Figures appear here once the masks of the clip are drawn."


def run_sentence(measures: MaskMeasures | None) -> str:
    """Which strategies keep tokens together in this scan order, and which in the other."""
    if measures is None:
        return WAITING
    order = measures.scan_order
    runs = _means(measures, lambda one: one.scans[order].figures["mean_run"])
    if not runs:
        return "No token is visible, so there are no runs: choose a lower ratio."
    longest, shortest = max(runs, key=runs.get), min(runs, key=runs.get)
    turned = "temporal_first" if order == "spatial_first" else "spatial_first"
    other = measures.metrics[longest].scans[turned].figures["mean_run"]
    return (
        f"Read {SCAN_ORDER_NAMES[order].lower()}, {STRATEGY_NAMES[longest]} leaves the longest "
        f"runs, {significant(runs[longest])} tokens on average, {STRATEGY_NAMES[shortest]} the "
        f"shortest, "
        f"{significant(runs[shortest])}. {SCAN_ORDER_NAMES[turned]} would find runs of "
        f"{significant(other.mean)} in the same masks of {STRATEGY_NAMES[longest]}."
    )


def gap_sentence(measures: MaskMeasures | None) -> str:
    """What the convolution takes for neighbours once hidden tokens are gone."""
    if measures is None:
        return WAITING
    name = measures.drawn.setting.strategy
    figures = measures.metrics[name].scans[measures.scan_order].figures
    if figures["mean_gap"] is None:
        return f"{STRATEGY_NAMES[name]} leaves too few tokens for gaps."
    return (
        f"After hidden tokens are dropped every step is 1. Before, the steps that "
        f"{STRATEGY_NAMES[name]} leaves went {significant(figures['mean_gap'].mean)} tokens on "
        f"average, {_share(figures['scan_adjacency'])} of them to the next one. Within the "
        f"convolution's {measures.conv_width} tokens a visible token has "
        f"{significant(figures['spatial_in_reach'].mean)} neighbours in the frame and "
        f"{significant(figures['temporal_in_reach'].mean)} in time on average, each pair counted "
        "once."
    )


def frame_sentence(measures: MaskMeasures | None) -> str:
    """How evenly masks treat time, and what the neighbouring frames give away."""
    if measures is None:
        return WAITING
    stds = _means(measures, lambda one: one.figures["frame_std"])
    uneven = max(stds, key=stds.get)
    leaks = _means(measures, lambda one: one.figures["leakage"])
    if not leaks:
        return "There is nothing hidden that neighbouring frames could give away."
    most, least = max(leaks, key=leaks.get), min(leaks, key=leaks.get)
    words = [
        f"{STRATEGY_NAMES[uneven]} is the most uneven in time, {significant(stds[uneven])} tokens "
        "of standard deviation between time steps."
        if stds[uneven]
        else "Every strategy leaves each time step equally much."
    ]
    if leaks[most]:
        words.append(
            f"{STRATEGY_NAMES[most]} leaks most: {share(round(leaks[most], 3))} of its hidden "
            f"tokens are visible one step earlier or later, {share(round(leaks[least], 3))} with "
            f"{STRATEGY_NAMES[least]}."
        )
    return " ".join(words)


def site_sentence(measures: MaskMeasures | None) -> str:
    """How much of the frame, the motion and the evidence the chosen strategy shows."""
    if measures is None:
        return WAITING
    name = measures.drawn.setting.strategy
    one = measures.metrics[name]
    figures = one.figures
    words = [
        f"A mask of {STRATEGY_NAMES[name]} shows {_share(figures['site_share'])} of all places in "
        f"some time step, and {share(round(1 - one.real_ratio, 3))} of the tokens."
    ]
    if figures["motion"] is not None:
        words.append(f"These hold {_share(figures['motion'])} of the motion.")
    if measures.attribution is None:
        words.append("Make a map in Attribution to see how much of the evidence is left.")
    elif figures["absolute_mass"] is not None:
        words.append(
            f"{_share(figures['absolute_mass'])} of the evidence of {measures.attribution} is left."
        )
    return " ".join(words)


def drawn_sentence(measures: MaskMeasures) -> str:
    """Where the numbers come from."""
    draws = next(iter(measures.metrics.values())).draws
    return f"Means of {whole(draws)} draws with 95 % intervals"


def _means(measures: MaskMeasures, of) -> dict[str, float]:
    found = {name: of(one) for name, one in measures.metrics.items()}
    return {name: interval.mean for name, interval in found.items() if interval is not None}


def _share(interval: Interval) -> str:
    return share(round(interval.mean, 3))
