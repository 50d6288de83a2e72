"""What a report says, section by section: the figures and sentences of the tabs, standing still."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import zip_longest
from typing import NamedTuple

from analysis.ops.scan_order import SCAN_ORDERS
from app.attributions import rank_agreement
from app.components.curve_table import curve_table
from app.components.explanation import what_to_look_at
from app.components.model_card import model_card
from app.components.scan_table import scan_table
from app.faithfulness_runs import FILLS, CurveRow
from app.figures.agreement import agreement_table
from app.figures.attribution_sentences import agreement_sentence, maps_sentence
from app.figures.evidence import Map
from app.figures.faithfulness_curves import curve_figure, curves_sentence
from app.figures.film import source_line
from app.figures.heat import legend_gradient
from app.figures.hidden_states import evidence_figure, retention_figure
from app.figures.layer_facts import layer_facts, proof_line
from app.figures.layer_sentences import evidence_sentence, map_title, memory_sentence
from app.figures.map_card import map_card, method_color
from app.figures.number_format import NO_VALUE, THIN_SPACE, significant, with_minus
from app.figures.proof_badge import scientific
from app.figures.run_facts import run_facts
from app.figures.scan_sentences import answers_sentence, classes_sentence, cost_sentence
from app.figures.sentences import answer_sentence, timeline_sentence
from app.figures.timeline import timeline_view
from app.figures.top_k import answer_view
from app.figures.what_if import outcome_sentence, outcome_view
from app.report import how
from app.report.adapter_sections import ADAPTOR_TITLE, MOMA_TITLE, adaptor_part, moma_part
from app.report.findings import ClassFindings, Findings, Timeline
from app.report.pictures import film_strip, heading, map_pictures, plot
from app.what_if_runs import INTERVENTIONS

_UNITS = {"tubelets": "patches", "frames": "whole frames"}


class Section(NamedTuple):
    """A part of the report: its heading, its content as HTML, and the accounts of how it came."""

    title: str
    content: str
    accounts: tuple[str, ...] = ()


def sections(findings: Findings) -> Iterator[Section]:
    """The parts that something is known for, in reading order."""
    yield Section("The clip as the model sees it", _clip(findings))
    if findings.answer is not None:
        yield Section("The answer", _answer(findings), how.ANSWER)
    if findings.timelines:
        timelines = "".join(map(_timeline, findings.timelines))
        yield Section("Along the clip", timelines, how.TIMELINE)
    if findings.orders:
        yield Section("The same weights in other scan orders", _orders(findings), how.ORDERS)
    if findings.layer is not None:
        yield Section("What the read-out hears", _layer(findings), how.LAYER)
    accounts = how.MAPS + (how.CURVES if any(one.curves for one in findings.classes) else ())
    for number, one in enumerate(findings.classes):
        title = f"Evidence for {one.explained.label}"
        yield Section(title, _class(findings, one), () if number else accounts)
    if findings.what_ifs:
        yield Section("What if", _what_ifs(findings), how.WHAT_IF)
    for one in findings.momas:
        yield Section(MOMA_TITLE, moma_part(one), how.MOMA)
    for one in findings.adaptors:
        yield Section(ADAPTOR_TITLE, adaptor_part(one), how.MEMORY)


def _clip(findings: Findings) -> str:
    info = findings.sampled.info
    t, h, w = findings.grid.t, findings.grid.h, findings.grid.w
    times = "\N{MULTIPLICATION SIGN}"
    words = (
        f"{source_line(findings.sampled)}; the file lasts {significant(info.duration_s)}"
        f"{THIN_SPACE}s. Frames are numbered from 1, with their time in the file. The model lays a "
        f"grid of {t}{times}{h}{times}{w} tokens (time, rows, columns) over them."
    )
    return film_strip(findings.sampled) + what_to_look_at(words)


def _answer(findings: Findings) -> str:
    prediction = findings.answer.prediction
    card = f'<div class="report-card">{model_card(findings.card)}</div>'
    return (
        f'<div class="report-pair">{answer_view([prediction])}'
        f"{run_facts(prediction, findings.answer.recalled)}</div>"
        f"{what_to_look_at(answer_sentence(prediction))}{card}"
    )


def _timeline(one: Timeline) -> str:
    title = f"Windows of {one.plan.window_s:g}{THIN_SPACE}s"
    view = timeline_view(one.windows, one.plan.duration_s, one.plan.stride_s)
    return heading(title) + view + what_to_look_at(timeline_sentence(one.windows))


def _orders(findings: Findings) -> str:
    rows = findings.orders
    some = "" if len(rows) == len(SCAN_ORDERS) else f" {len(rows)} of {len(SCAN_ORDERS)} were run."
    told = " ".join((answers_sentence(rows), classes_sentence(rows), cost_sentence(rows)))
    return scan_table(rows, still=True) + what_to_look_at(told + some)


def _layer(findings: Findings) -> str:
    found, memory = findings.layer.found, findings.layer.memory
    evidence, tubelet = found.readout_evidence, findings.tubelet
    plots = "".join(
        plot(title, figure)
        for title, figure in (
            ("Evidence for the read-out, by source frame", evidence_figure(evidence, tubelet)),
            ("Share of the state that is left", retention_figure(memory, tubelet)),
        )
    )
    title = map_title(evidence, found.readout, tubelet, found.layer, found.depth)
    return (
        f"<p>{escape(title)}: with everything held that depends on the input the layer is a sum "
        "over its sources, and the badge says how closely the parts meet the layer's real output."
        f"</p>{proof_line(evidence)}"
        f'<div class="report-pair">{plots}</div>'
        f"{what_to_look_at(evidence_sentence(evidence, found.readout, tubelet))}"
        f"{what_to_look_at(memory_sentence(memory, tubelet))}"
        f"{heading('Which way the output takes')}{layer_facts(memory)}"
    )


def _class(findings: Findings, one: ClassFindings) -> str:
    training, tubelet = findings.card.training, findings.tubelet
    cards = "".join(_map(findings, found) for found in one.maps)
    words = maps_sentence(one.maps, one.explained, tubelet, training)
    parts = [what_to_look_at(words), _legend(one.maps), f'<div class="report-maps">{cards}</div>']
    if len(one.maps) > 1:
        parts.append(_agreement(one.maps))
    parts += [_curves(rows) for rows in _by_choice(one.curves)]
    return "".join(parts)


def _map(findings: Findings, one: Map) -> str:
    strip = map_pictures(findings.sampled, one, findings.tubelet)
    card = map_card(one, findings.tubelet, picture="", strip=strip)
    kind = "map-card" if one["signed"] else "map-card unsigned"
    return (
        f'<article class="{kind}" style="--method-color: {method_color(one["method"])}">{card}'
        "</article>"
    )


def _legend(maps: Sequence[Map]) -> str:
    ends = {True: ("against", "for the class"), False: ("least", "most")}
    scales = "".join(
        f'<span class="maps-scale"><span>{low}</span>'
        f'<i style="background: {legend_gradient(signed)}"></i><span>{high}</span></span>'
        for signed, (low, high) in ends.items()
        if any(one["signed"] == signed for one in maps)
    )
    return (
        f'<div class="maps-legend">{scales}<span class="maps-own">each map on its own scale; bars: '
        "the share of each time step</span></div>"
    )


def _agreement(maps: Sequence[Map]) -> str:
    titles, spearman = [one["title"] for one in maps], rank_agreement(maps)
    return (
        heading("Do the methods agree?")
        + agreement_table(titles, spearman)
        + what_to_look_at(agreement_sentence(titles, spearman))
    )


def _by_choice(rows: Sequence[CurveRow]) -> Iterator[list[CurveRow]]:
    """Rows that stand in one figure: what was taken away is the same, and so is what came in."""
    for units in _UNITS:
        groups = {
            kind: [
                [row for row in rows if (row["units"], row["kind"], row["baseline"]) == choice]
                for choice in ((units, kind, fill) for fill in FILLS)
            ]
            for kind in ("deletion", "insertion")
        }
        pairs = zip_longest(*(filter(None, one) for one in groups.values()), fillvalue=[])
        yield from ([*deletion, *insertion] for deletion, insertion in pairs)


def _curves(rows: Sequence[CurveRow]) -> str:
    kinds = dict.fromkeys(row["kind"] for row in rows)
    plots = "".join(_curve_plot(rows, kind) for kind in kinds)
    return (
        heading("Take it away and see")
        + f'<div class="report-pair">{plots}</div>{curve_table(rows, still=True)}'
        + what_to_look_at(curves_sentence(rows))
    )


def _curve_plot(rows: Sequence[CurveRow], kind: str) -> str:
    first = next(row for row in rows if row["kind"] == kind)
    what, fill = _UNITS[first["units"]], FILLS[first["baseline"]]
    verb = "replaced by" if kind == "deletion" else "put back into"
    title = f"{kind.capitalize()} of {what}, {verb}: {fill}"
    return plot(title, curve_figure(rows, kind))


def _what_ifs(findings: Findings) -> str:
    training = findings.card.training
    return "".join(
        f'<div class="report-block">{heading(INTERVENTIONS[one["name"]])}'
        f"{outcome_view(one)}{what_to_look_at(outcome_sentence(one, training))}</div>"
        for one in findings.what_ifs
    )


def settings_of_maps(findings: Findings) -> str:
    """A row per map: what was chosen, how it adds up, how long it took."""
    rows = "".join(
        f'<tr><th scope="row">{escape(one["title"])}</th><td>{escape(one["label"])}</td>'
        f"<td>{escape(_in_words(one['settings']))}</td><td>{one['seed']}</td>"
        f"<td>{_or_none(one['completeness_error'], scientific)}</td>"
        f"<td>{_or_none(one['bias_share'], with_minus)}</td></tr>"
        for part in findings.classes
        for one in part.maps
    )
    if not rows:
        return ""
    heads = ("Method", "Class", "Settings", "Seed", "Completeness error", "Bias share")
    return (
        '<div class="report-scroll"><table class="report-table"><thead><tr>'
        + "".join(f'<th scope="col">{head}</th>' for head in heads)
        + f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _in_words(settings: dict[str, object]) -> str:
    shown = (
        (name, with_minus(value) if isinstance(value, float) else value)
        for name, value in settings.items()
    )
    return ", ".join(f"{name} {value}" for name, value in shown)


def _or_none(value: float | None, written: Callable[[float], str]) -> str:
    return NO_VALUE if value is None else written(value)
