"""Every method's figures over many clips, sorted in the browser."""

from collections.abc import Callable
from html import escape

from analysis.attribution.attribution import METHODS
from app.components.sorted_table import Column, Row, sorted_table
from app.figures.map_card import method_color
from app.figures.number_format import duration, with_minus
from app.league import League

_FIGURES = {
    "deletion_auc": ("Deletion", "Area under the deletion curve"),
    "insertion_auc": ("Insertion", "Area under the insertion curve"),
    "gap": ("Gap", "Area between the reverse ranking and this one under deletion"),
    "sensitivity_n": (
        "Sens.-n",
        "Sensitivity-n: correlation of a set's sum with what its removal costs",
    ),
    "infidelity": ("Infidelity", "Squared error in predicting removals, 1 for an empty map"),
    "pointing": ("Pointing", "How often the largest value lies on the planted cause"),
    "average_precision": ("Precision", "Average precision of the map for the planted cause"),
    "randomised_all": ("Randomised", "Rank correlation with the map of a model never trained"),
    "latency_ms": ("Time", "One map on the machine that measured"),
}


def league_table(league: League | None, command: str) -> str:
    """A row per method with means over clips and their intervals; else how to measure them."""
    code = f'<code class="command">{escape(command)}</code>'
    if league is None:
        return (
            '<p class="table-empty">These weights were not judged over many clips yet. '
            f"Measure them with {code}</p>"
        )
    rows = [{"place": place, **row} for place, row in enumerate(_best_first(league))]
    columns = [Column("Method", "The ranking that is tested", lambda row: row["place"], _name)]
    columns += [
        Column(word, f"{words}; {league['better'][name]} is better", _mean(name), _written(name))
        for name, (word, words) in _FIGURES.items()
    ]
    table = sorted_table("Methods over many clips", columns, rows, attributes=_attributes)
    return f'<div class="league-scroll">{table}</div>{code}'


def league_sentence(league: League | None) -> str:
    """What was measured on how many clips, and who leads."""
    if league is None:
        return "One clip proves little: this table judges every method over many."
    settings, best = league["settings"], _best_first(league)[0]
    return (
        f"Means over {league['clip_count']} clips ({_clips(league)}) with 95 % bootstrap "
        "intervals; deletion to "
        f"{settings['deletion_baseline']}, insertion from {settings['insertion_baseline']}, seed "
        f"{settings['seed']}. {_title(best)} has the widest gap ({with_minus(_of(best, 'gap'))}); "
        "a method that does not beat the random row ranks by chance. A map that hardly changes "
        "when the weights are made random explains the architecture, not what was learned."
    )


def _clips(league: League) -> str:
    """What was judged on: rendered clips in words, or the names of the files."""
    found = league["clips_from"]
    return found if isinstance(found, str) else ", ".join(found)


def _best_first(league: League) -> list[Row]:
    return sorted(league["league"], key=lambda row: -(_of(row, "gap") or float("-inf")))


def _of(row: Row, figure: str) -> float | None:
    interval = row.get(figure)
    return None if interval is None else interval["mean"]


def _mean(figure: str) -> Callable[[Row], float | None]:
    return lambda row: _of(row, figure)


def _written(figure: str) -> Callable[[Row], str]:
    def written(row: Row) -> str:
        interval = row[figure]
        if figure == "latency_ms":
            return f'<span class="one-line">{duration(interval["mean"])}</span>'
        low, high = (with_minus(interval[end], 2) for end in ("low", "high"))
        return (
            f'<span class="one-line">{with_minus(interval["mean"])}</span>'
            f'<small class="one-line">{low} to {high}</small>'
        )

    return written


def _title(row: Row) -> str:
    return METHODS[row["method"]].title if row["method"] in METHODS else "A random map"


def _name(row: Row) -> str:
    return f'<span class="row-name">{escape(_title(row))}</span>'


def _attributes(row: Row) -> str:
    color = method_color(row["method"]) if row["method"] in METHODS else "var(--line)"
    return f'style="--row-color: {color}"'
