"""What to look at in the maps of a clip, in sentences filled with its numbers."""

from collections.abc import Sequence

from app.attributions import ExplainedClass
from app.figures.evidence import (
    Map,
    Span,
    contrast,
    evidence_by_step,
    frames_in_words,
    main_span,
)
from app.figures.map_card import FLAT
from app.figures.number_format import percent, share, with_minus

CHOOSE = (
    "Choose methods and press Explain: each shows which patches of which frames speak for the "
    "class."
)


def maps_sentence(
    maps: Sequence[Map], explained: ExplainedClass, tubelet: int, training: str
) -> str:
    """Where in time the evidence lies by each method, and how far that can be trusted."""
    if not maps:
        return CHOOSE
    rank = "the model's answer" if explained.is_top else "not the model's answer"
    words = [f"Evidence for {explained.label} ({percent(explained.probability)}, {rank})."]
    telling = [one for one in maps if contrast(one) >= FLAT]
    if maps[0]["grid"][0] > 1 and telling:
        words.append(_when(telling, tubelet))
    flat = [one["title"] for one in maps if one not in telling]
    if flat:
        words.append(f"{_listed(flat)} gives all patches nearly the same, so it points nowhere.")
    words.append(_against(maps, explained))
    if training == "untrained":
        words.append("The weights are random: nothing here was learned.")
    return " ".join(filter(None, words))


def _when(maps: Sequence[Map], tubelet: int) -> str:
    spans = [(one["title"], main_span(evidence_by_step(one))) for one in maps]
    (title, first), others = spans[0], spans[1:]
    start = f"In {title}, {_carries(first, tubelet)} of the evidence"
    same = [name for name, span in others if (span.first, span.last) == (first.first, first.last)]
    elsewhere = [(name, span) for name, span in others if name not in same]
    if others and not elsewhere:
        return f"{start}; {_listed(same)} {'finds' if len(same) == 1 else 'find'} it there too."
    if not elsewhere:
        return f"{start}."
    where = "; ".join(f"in {name}, {_carries(span, tubelet)}" for name, span in elsewhere[:2])
    return f"{start}; {where}."


def _carries(span: Span, tubelet: int) -> str:
    words = frames_in_words(span.first, span.last, tubelet)
    verb = "carries" if words.startswith("frame ") else "carry"
    return f"{words} {verb} {share(float(f'{span.share:.2g}'))}"


def _against(maps: Sequence[Map], explained: ExplainedClass) -> str:
    signed = [one for one in maps if one["signed"]]
    if not signed:
        return ""
    shares = {one["title"]: sum(b for _, b in evidence_by_step(one)) for one in signed}
    title = max(shares, key=shares.__getitem__)
    return (
        f"Blue speaks against {explained.label}: in {title}, "
        f"{share(float(f'{shares[title]:.2g}'))} of all evidence."
    )


def agreement_sentence(titles: Sequence[str], spearman: Sequence[Sequence[float]]) -> str:
    """Which two methods agree most and least in how they rank the patches."""
    pairs = [(spearman[i][j], titles[i], titles[j]) for i in range(len(titles)) for j in range(i)]
    if not pairs:
        return "With two maps or more, this says how alike they rank the patches."
    high, low = max(pairs), min(pairs)
    verdict = "largely agree" if low[0] > 0.6 else "disagree" if high[0] < 0.3 else "agree in part"
    if len(pairs) == 1:
        return f"{high[1]} and {high[2]} {verdict}: rank correlation {with_minus(high[0], 2)}."
    return (
        f"The methods {verdict}: {high[1]} and {high[2]} are closest ({with_minus(high[0], 2)}), "
        f"{low[1]} and {low[2]} furthest apart ({with_minus(low[0], 2)}). Agreement is not proof: "
        "two maps can share one mistake."
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
