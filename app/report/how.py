"""How each result is computed: the accounts of the tabs, with formulas that need no script."""

import re
from functools import cache

from latex2mathml.converter import convert
from markdown_it import MarkdownIt

from app.tabs import (
    adapters_memory_how,
    adapters_moma_how,
    attribution,
    attribution_curves,
    hidden_states_how,
    predict,
    scan_lab_how,
    what_if,
)

ANSWER = (predict.HOW_ANSWER,)
TIMELINE = (predict.HOW_TIMELINE,)
ORDERS = (scan_lab_how.HOW_ANSWERS, scan_lab_how.HOW_GEOMETRY)
LAYER = (hidden_states_how.HOW_MAP, hidden_states_how.HOW_MEMORY)
MAPS = (attribution.HOW,)
CURVES = (attribution_curves.HOW_CURVES,)
WHAT_IF = (what_if.HOW,)
MOMA = (adapters_moma_how.HOW_MODULATION, adapters_moma_how.HOW_SHUFFLE)
MEMORY = (
    adapters_memory_how.HOW_PLACES,
    adapters_memory_how.HOW_FORGETTING,
    adapters_memory_how.HOW_KERNELS,
)

_FORMULA = re.compile(r"\$([^$]+)\$")
_PLACE = "\N{OBJECT REPLACEMENT CHARACTER}"
_NAMESPACE = ' xmlns="http://www.w3.org/1998/Math/MathML"'


@cache
def account(*accounts: str) -> str:
    """A closed fold with the accounts, Markdown with formulas between single dollars."""
    content = "".join(map(_as_html, accounts))
    return f'<details class="report-how"><summary>How it is computed</summary>{content}</details>'


def _as_html(text: str) -> str:
    formulas = iter([_mathml(one) for one in _FORMULA.findall(text)])
    html = MarkdownIt("commonmark", {"html": False}).render(_FORMULA.sub(_PLACE, text))
    return re.sub(_PLACE, lambda _: next(formulas), html)


def _mathml(formula: str) -> str:
    return convert(" ".join(formula.split())).replace(_NAMESPACE, "")
