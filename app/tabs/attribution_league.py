"""The league table of Attribution: how the methods fare over many clips, measured beforehand."""

import gradio as gr

from app.components.explanation import caption, section_heading, what_to_look_at
from app.components.export import exported, result_export
from app.components.league_table import league_sentence, league_table
from app.components.sorted_table import build_sorted_table
from app.context import AppContext
from app.league import league_command, read_league
from app.selection import Selection


def build_league(context: AppContext) -> None:
    """Place the table; it follows the weights that are chosen."""
    first = context.model.value
    section_heading("Over many clips")
    table = build_sorted_table(
        league_table(read_league(first), league_command(first)), "league", "League table"
    )
    with gr.Row(elem_classes="under-row"):
        words = caption(league_sentence(read_league(first)), "league-caption")
        export = result_export("league")

    def show(selection: Selection) -> dict:
        league = read_league(selection.model)
        return {
            table: league_table(league, league_command(selection.model)),
            words: what_to_look_at(league_sentence(league)),
            export: None
            if league is None
            else exported(f"{selection.model}-faithfulness", league["league"], league["settings"]),
        }

    context.changed.change(
        show,
        context.changed,
        [table, words, export],
        concurrency_limit=None,
        trigger_mode="always_last",
        show_progress="hidden",
        api_visibility="private",
    )
