"""What the studies say, and what they do not, filled with their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.training.paper_tables import paper_value
from analysis.training.study_summary import rank_correlation
from app.figures.number_format import THIN_SPACE, significant
from app.figures.results import setting_name

if TYPE_CHECKING:
    from analysis.training.study_summary import StudySummary

_FEWEST_TO_RANK = 5

_DIFFERENCES = {
    "scan_orders": (
        "Ours are small models trained from nothing on nine rendered camera moves, reading out the "
        "mean of all patches; the paper's are VideoMamba-Ti from ImageNet weights on "
        "Something-Something V2, reading out CLS. The orders besides spatial first are our reading "
        "of the paper's text."
    ),
    "scan_orders_actions": (
        "Fifteen motion-captured actions, drawn as a figure, one performance of each: viewpoints "
        "and speeds are new in the test, performances are not."
    ),
    "self_distillation": (
        "The paper distils S into M and B on ImageNet; ours is a mini model and one half as wide "
        "again on camera moves."
    ),
    "frames_and_resolution": (
        "The paper fine-tunes on longer and larger clips; ours start from nothing in each size, "
        "for the same number of clips."
    ),
    "masked_alignment": (
        "The paper aligns VideoMamba-M with CLIP ViT-B/16 on Something-Something V2 for 200 epochs "
        "and reports nothing without it; ours aligns a mini model, for as many unlabelled camera "
        "moves as it then has labelled ones, with a small CLIP that was trained here on captioned "
        "pictures of plain shapes and knows little of photographs."
    ),
    "moma_adaptation": (
        "The paper adapts CLIP ViT-B/16 and L/14 to Kinetics-400 and Something-Something V2 and "
        "calls SeqMod the best of its fusions; ours adapts a small CLIP trained here on captioned "
        "pictures of plain shapes, for few clips of large moves. The paper's parameter counts fit "
        "one set for all scans of a layer; ours has one for each, unless the table says shared "
        "scans. MoMa's residuals, scans and distillation, and what exactly the other fusions are, "
        "are our reading; AIM and ST-Adapter are ours after their papers, with the head MoMa has."
    ),
    "moma_adaptation_actions": (
        "The same models on fifteen motion-captured actions, one performance of each: viewpoints "
        "and speeds are new in the test, performances are not."
    ),
    "mamba_adaptor": (
        "The paper boosts and fine-tunes models of ImageNet; ours is a mini model of camera moves "
        "that learns fifteen motion-captured actions. Where the adaptors' places lie and how they "
        "start is our design."
    ),
    "shipped": (
        "The model the page opens with, trained longer than those of the studies and by the same "
        "recipe; the paper has nothing like it."
    ),
}


def study_sentence(summary: StudySummary) -> str:
    """Who leads, and whether by more than chance moves a result."""
    missing = len(summary.table.missing)
    to_do = (
        f" {missing} of {len(summary.table.study.runs)} runs are still to be trained; "
        f"{summary.table.study.command} goes on."
        if missing
        else ""
    )
    if not summary.settings:
        return f"Nothing is trained yet.{to_do}"
    best = summary.settings[0]
    if summary.lead is None:
        return f"{setting_name(best.settings)}: {best.mean:.1f}{THIN_SPACE}% right.{to_do}"
    second = setting_name(summary.settings[1].settings)
    words = (
        f"{setting_name(best.settings)} does best, {best.mean:.1f}{THIN_SPACE}% right, "
        f"{summary.lead:.1f} points before {second}"
    )
    return f"{words}; {_chance(summary)}.{to_do}"


def _chance(summary: StudySummary) -> str:
    """How the lead compares with what a seed changes, here or in the study named for it."""
    spread, where = summary.seed_spread, "seeds of one setting differ"
    if spread is None:
        study, spread = summary.table.study.seeds_of, summary.borrowed_spread
        where = f"one run each, but in the study {study} seeds of one setting differ"
    if spread is None:
        return "with one seed each, nobody can say how much of a difference is chance"
    larger = summary.lead > spread
    verdict = "is larger than what a seed changes" if larger else "may be chance"
    return f"{where} by up to {spread:.1f} points, so this lead {verdict}"


def counted_sentence(summary: StudySummary) -> str:
    """What accuracies were counted on, and how to read the plot."""
    if not summary.settings:
        return "A point per run and a bar at the mean of each setting appear here."
    notes = "; ".join(summary.accuracy_notes)
    return f"Points are single runs, bars their mean. Counted: {notes}."


def paper_sentence(summary: StudySummary) -> str:
    """Whether our ranking is the paper's, and what differs."""
    study = summary.table.study.name
    differs = _DIFFERENCES[study]
    pairs = [
        (setting.mean, paper_value(study, setting.settings))
        for setting in summary.settings
        if paper_value(study, setting.settings) is not None
    ]
    if not pairs:
        return differs
    correlation = rank_correlation(*zip(*pairs, strict=True))
    if correlation is None or len(pairs) < _FEWEST_TO_RANK:
        return differs
    if correlation > 0.5:
        verdict = "much the same ranking as the paper's"
    elif correlation < -0.5:
        verdict = "nearly the opposite of the paper's ranking"
    else:
        verdict = "not the paper's ranking"
    return (
        f"Over {len(pairs)} settings ours is {verdict} (rank correlation "
        f"{significant(correlation, 2)}). {differs}"
    )


def classes_sentence(summary: StudySummary) -> str:
    """The class on which the settings differ most."""
    rows = [
        (setting, setting.accuracy_by_class)
        for setting in summary.settings
        if setting.accuracy_by_class
    ]
    if len(rows) < 2:
        return "Which classes a setting helps with shows when two of them are trained."

    def extremes(label: str):
        ranked = sorted(rows, key=lambda pair: pair[1][label])
        return ranked[0], ranked[-1]

    def spread(label: str) -> float:
        low, high = extremes(label)
        return high[1][label] - low[1][label]

    label = max(rows[0][1], key=spread)
    averaged = ", on average over seeds" if summary.seed_spread is not None else ""
    low, high = extremes(label)
    return (
        f"The settings differ most about {label}: {low[1][label]:.0f}{THIN_SPACE}% with "
        f"{setting_name(low[0].settings)}, {high[1][label]:.0f}{THIN_SPACE}% with "
        f"{setting_name(high[0].settings)}{averaged}."
    )
