"""The curves of Attribution: patches go by each map's ranking, and the model is asked again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.attributions import selection_settings
from app.components.curve_table import curve_table
from app.components.explanation import caption, how_it_is_computed, section_heading, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, failed, working
from app.components.sorted_table import build_sorted_table
from app.components.titled_plot import titled_plot
from app.context import ANEW, HEAVY, Panel
from app.faithfulness_runs import (
    FILLS,
    CurveChoice,
    CurveRow,
    curve_rows,
    estimated_curves_ms,
    first_choice,
    fitting_fills,
)
from app.figures.faithfulness_curves import curve_figure, curves_sentence
from app.figures.number_format import duration, percent
from app.selection import Selection
from app.session import Session

LONG_MS = 3000
"""Work that should take longer says so before it starts."""
TITLES = {
    "deletion": "Deletion: what matters most goes first",
    "insertion": "Insertion: what matters most comes first",
}
EXPLAIN_FIRST = "There are no maps to judge yet; press Explain first."

HOW_CURVES = """
Patches (or whole frames) are taken away in the order of a map, most important first, and the
probability of the class is measured again and again. The **area** under the curve is low for
deletion, and high for insertion, when the map ranks what the answer hangs on first. The same is
done in the reverse order and in random orders; the **gap** is the area between a ranking and its
reverse, and is about 0 for a map that ranks at random.

- Deletion replaces patches by what *Delete to* says, insertion starts from a clip made of what
  *Insert from* says. No replacement is neutral: try several. *Tokens left out* shortens the
  sequence instead, so its numbers do not compare with those of the others.
- **Measured:** every point is a forward pass of the model. **Approximate:** up to 24 points a
  curve (8 for models that take long), joined by straight lines; 2 random orders (1).
- Patches taken away make clips that the model never saw in training, so a fall is not proof that
  the patch was evidence. Equal values are ranked in random order, seed 0.

Sources: RISE (arXiv 1806.07421); MoRF and LeRF (1509.06321).
"""


@dataclass(frozen=True)
class Curves:
    """The placed section: the event that measures, and the components that it fills."""

    event: gr.events.Dependency
    plots: dict[str, gr.Plot]
    areas: gr.HTML
    words: gr.HTML
    export: gr.HTML
    deletion: gr.Dropdown
    insertion: gr.Dropdown

    @property
    def parts(self) -> list[gr.components.Component]:
        """What maps of another clip or model change."""
        return [*self.plots.values(), *(self.areas, self.words, self.export), *self.fills]

    @property
    def fills(self) -> tuple[gr.Dropdown, gr.Dropdown]:
        return self.deletion, self.insertion

    def fitted(self, config: Any) -> dict:
        """The menus with what can stand in for parts of a clip for this model."""
        first, choices = first_choice(config), _fill_choices(fitting_fills(config))
        return {
            self.deletion: gr.Dropdown(choices, value=first.deletion),
            self.insertion: gr.Dropdown(choices, value=first.insertion),
        }

    def cleared(self) -> dict:
        """Every part without results, for when the maps are others."""
        return {
            **{plot: curve_figure((), kind) for kind, plot in self.plots.items()},
            self.areas: curve_table(()),
            self.words: what_to_look_at(curves_sentence(())),
            self.export: None,
        }


def build_curves(session: Session, panel: Panel, known: gr.State) -> Curves:
    """Place the section and connect it; `known` holds the maps that stand in the tab."""
    with gr.Row(elem_classes="section-row"):
        section_heading("Take it away and see")
        units, deletion, insertion = _curve_menus()
        measure = gr.Button("Measure", size="sm", elem_id="curves-run")
    with gr.Row(elem_classes="figure-row"):
        plots = {}
        for kind, title in TITLES.items():
            with gr.Column(min_width=320):
                plots[kind] = titled_plot(curve_figure((), kind), title)
    areas = build_sorted_table(curve_table(()), "curve-areas", "Areas under the curves")
    with gr.Row(elem_classes="under-row"):
        curves_caption = caption(curves_sentence(()), "curves-caption")
        curves_export = result_export("curves")
    how_it_is_computed(HOW_CURVES)

    @panel.computing
    def judge(asked: Any, known: dict, units: str, deletion: str, insertion: str) -> Iterator[dict]:
        if not known.get("maps"):
            yield {panel.notice: failed(EXPLAIN_FIRST)}
            return
        selection, maps = known["selection"], list(known["maps"].values())
        choice = CurveChoice(units, deletion, insertion)
        estimate = estimated_curves_ms(session, selection, maps, choice)
        about = f", about {duration(estimate)}" if estimate > LONG_MS else ""
        yield {panel.notice: working(f"Curves of {_count(maps)}{about}")}
        rows: dict[tuple[str, str], CurveRow] = {}
        for row in curve_rows(session, selection, maps, choice):
            rows[row["method"], row["kind"]] = row
            of_kind = [one for one in rows.values() if one["kind"] == row["kind"]]
            update = {
                plots[row["kind"]]: curve_figure(of_kind, row["kind"]),
                panel.notice: working(
                    f"{row['kind'].capitalize()} by {row['title']}, {percent(row['shares'][-1])}"
                ),
            }
            if row["complete"]:
                update |= {
                    areas: curve_table(list(rows.values())),
                    curves_caption: what_to_look_at(curves_sentence(list(rows.values()))),
                    curves_export: _exported_curves(selection, list(rows.values())),
                }
            yield update
        yield {panel.notice: done(f"Curves of {_count(maps)} measured")}

    event = measure.click(
        judge,
        [gr.State(ANEW), known, units, deletion, insertion],
        [*plots.values(), areas, curves_caption, curves_export, panel.notice],
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="multiple",
        **HEAVY,
    )
    return Curves(event, plots, areas, curves_caption, curves_export, deletion, insertion)


def _curve_menus() -> list[gr.Dropdown]:
    """What is taken away at a time, and what is put in its place for each kind of curve."""
    fills = _fill_choices([name for name in FILLS if name != "other_clip"])
    menus = (
        ("Take away", [("Patches", "tubelets"), ("Whole frames", "frames")], "units"),
        ("Delete to", fills, "deletion"),
        ("Insert from", fills, "insertion"),
    )
    default = CurveChoice()
    return [
        gr.Dropdown(
            choices,
            value=getattr(default, name),
            label=label,
            filterable=False,
            elem_id=f"curve-{name}",
            elem_classes="inline-field",
        )
        for label, choices, name in menus
    ]


def _fill_choices(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(words.capitalize(), name) for name, words in FILLS.items() if name in names]


def _exported_curves(selection: Selection, rows: Sequence[CurveRow]) -> dict:
    table = [
        {
            **{name: row[name] for name in ("method", "label", "kind", "baseline", "units")},
            "share": at,
            **{name: row[name][point] for name in ("most_first", "least_first", "random")},
        }
        for row in rows
        for point, at in enumerate(row["shares"])
    ]
    return exported(f"{selection.clip_name}-curves", rows, selection_settings(selection), table)


def _count(maps: Sequence[object]) -> str:
    return "one map" if len(maps) == 1 else f"{len(maps)} maps"
