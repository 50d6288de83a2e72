"""Matches of clips and texts in words, with the numbers of the one that is shown."""

from collections.abc import Sequence

from app.figures.alignment import cosine, time_step_words
from app.figures.match_bars import Report, signed
from app.figures.number_format import THIN_SPACE

_FEW = 100


def match_sentence(report: Report, level: str) -> str:
    """What the similarity is made of, where most of it stands, and which word counts most."""
    parts = report["levels"][level]
    return " ".join(
        filter(
            None,
            (
                _opening(report),
                f"Its patches bring {signed(parts['patches'])}, CLS {signed(parts['cls'])} and the "
                f"biases {signed(parts['constant'])}.",
                _gathered(parts),
                _place(report, level),
                _word(report),
                *(text_note(one) for one in (report["text"], report["other"]) if one),
            ),
        )
    )


def text_note(text: Report) -> str:
    """What of a text the model could not read; "" where it read all."""
    words = []
    if text["unknown"]:
        several = "s" if len(text["unknown"]) > 1 else ""
        words.append(f"The model does not know the word{several} {', '.join(text['unknown'])}.")
    if text["cut"]:
        words.append(f"The last {text['cut']} word pieces did not fit and do not count.")
    return " ".join(words)


def caption_sentence(report: Report) -> str:
    """The best sentence by either score, and how far the next one is."""
    rows = report["captions"]
    best, matched = rows[0], min(rows, key=lambda row: row["match_rank"])
    words = [
        f"Of {len(rows)} sentences \N{LEFT DOUBLE QUOTATION MARK}{best['text']}"
        f"\N{RIGHT DOUBLE QUOTATION MARK} is the most similar ({cosine(best['similarity'])})"
        if len(rows) > 1
        else f"The similarity is {cosine(best['similarity'])}, the match score "
        f"{signed(best['match_logit'], 2)}."
    ]
    if len(rows) > 1:
        words[0] += f", {cosine(best['similarity'] - rows[1]['similarity'])} above the next."
        words.append(_agreement(best, matched))
    unread = {word for row in rows for word in row["unknown"]}
    if unread:
        words.append(f"The model does not know: {', '.join(sorted(unread))}.")
    return " ".join(words)


def list_sentence(report: Report) -> str:
    """How often the right video comes first, beside chance, and whether a closer look helps."""
    similar, matched = (report[way]["text_to_video"] for way in ("embedding", "re_ranked"))
    first, again = similar["recall_percent"]["1"], matched["recall_percent"]["1"]
    chance = similar["chance_percent"]["1"]
    verdict = "the same" if again == first else "better" if again > first else "worse"
    words = [
        f"For {first:.1f}{THIN_SPACE}% of {similar['queries']} texts the right one of "
        f"{similar['gallery']} videos is the most similar; chance is "
        f"{chance:.1f}{THIN_SPACE}%. Ranked again by the match score of the "
        f"{min(report['top'], similar['gallery'])} nearest it is {again:.1f}{THIN_SPACE}%, "
        f"{verdict}."
    ]
    if similar["queries"] < _FEW:
        words.append(
            f"With so few texts one more or less moves it by {100 / similar['queries']:.0f}"
            f"{THIN_SPACE}points."
        )
    if report["training"] == "toy":
        words.append(f"The model is toy-trained, on {report['data']}.")
    if report["problems"]:
        words.append(f"Left out: {' '.join(report['problems'][:3])}")
        words += [f"And {len(report['problems']) - 3} more."] * (len(report["problems"]) > 3)
    return " ".join(words)


def _agreement(best: Report, matched: Report) -> str:
    if best is matched:
        return "The match score, which reads clip and sentence together, puts it first too."
    return (
        f"The match score prefers \N{LEFT DOUBLE QUOTATION MARK}{matched['text']}"
        f"\N{RIGHT DOUBLE QUOTATION MARK} ({signed(matched['match_logit'], 2)}), which is number "
        f"{matched['rank']} by similarity."
    )


def _opening(report: Report) -> str:
    text, other = report["text"], report["other"]
    if other is None:
        return (
            f"The similarity of this moment with {_quoted(text['text'])} is "
            f"{cosine(report['similarity'])} (-1 to 1).".replace("-1", "\N{MINUS SIGN}1")
        )
    return (
        f"This moment's similarity with {_quoted(text['text'])} is {cosine(text['similarity'])}, "
        f"with {_quoted(other['text'])} {cosine(other['similarity'])}: the parts are those of the "
        f"difference, {signed(report['similarity'])}."
    )


def _gathered(parts: Report) -> str:
    if abs(parts["cls"]) <= abs(parts["patches"]):
        return ""
    return (
        "Most stands in CLS, which gathered it from the patches in earlier layers; the map shows "
        "what the patches themselves still bring."
    )


def _place(report: Report, level: str) -> str:
    """The time step and the patch that speak most for the text."""
    parts, (_, h, w) = report["levels"][level], report["grid"]
    step = _largest(parts["by_step"])
    patch = _largest(parts["tokens"])
    in_step, cell = divmod(patch, h * w)
    frames, at = (time_step_words(n, report["tubelet"]) for n in (step, in_step))
    strongest = (
        f"row {cell // w + 1}, column {cell % w + 1} of {at} ({signed(parts['tokens'][patch])})"
    )
    if len(parts["by_step"]) == 1:
        return f"The strongest patch is {strongest}."
    return (
        f"Of the time steps {frames} bring most ({signed(parts['by_step'][step])}), of the patches "
        f"{strongest}."
    )


def _word(report: Report) -> str:
    words = report["words"]
    if len(words) < 2:
        return ""
    most = max(words, key=lambda word: word["similarity_drop"])
    if most["similarity_drop"] <= 0:
        return "No word can be left out that would lower the text's similarity."
    return (
        f"Without {_quoted(most['word'])} the text's similarity would fall by "
        f"{cosine(most['similarity_drop'])}, more than without any other word."
    )


def _largest(values: Sequence[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)


def _quoted(words: str) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{words}\N{RIGHT DOUBLE QUOTATION MARK}"
