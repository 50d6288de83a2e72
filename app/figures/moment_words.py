"""Sentences about moments that were found."""

from analysis.text.word_pieces import WordPieces, plain_text
from analysis.weights import WeightsCard
from app.figures.number_format import significant, whole, with_minus
from app.moment_search import SearchAnswer, unknown_words
from app.video_text import own_words

NOTHING_YET = "Type what is to be seen, or press one of the examples."
_EXAMPLES_OF_OWN = (
    "a red star moves down while the camera pans left",
    "the camera zooms in",
    "a white circle slides to the right in front of a fixed camera",
    "the camera pans right",
    "a blue ring",
)
_EXAMPLES = (
    "a rabbit in a meadow",
    "a hand reaches for a cup",
    "a person walks",
    "the camera zooms in",
)


def example_texts(card: WeightsCard, pieces: WordPieces) -> tuple[str, ...]:
    """Texts that a model can read, to begin with."""
    texts = _EXAMPLES_OF_OWN if card.word_pieces else _EXAMPLES
    return tuple(text for text in texts if not pieces.unknown(plain_text(text)))


def known_words_sentence(card: WeightsCard) -> str:
    """What a model understands, in one sentence."""
    words = own_words(card)
    if not words:
        return f"{card.name} reads any English words; it was trained on {card.data}."
    return f"{card.name} knows {len(words)} words and nothing else: {', '.join(words)}."


def moment_clock(seconds: float) -> str:
    """A moment of a video: 0:04.5, 12:30.0, 1:02:03.0."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    clock = f"{minutes:02d}:{rest / 10:04.1f}" if hours else f"{minutes}:{rest / 10:04.1f}"
    return f"{hours}:{clock}" if hours else clock


def span(t0: float, t1: float) -> str:
    """From one moment to another."""
    return f"{moment_clock(t0)}\N{EN DASH}{moment_clock(t1)}"


def search_sentence(answer: SearchAnswer | None) -> str:
    """What to look at in what was found, with its numbers."""
    if answer is None:
        return NOTHING_YET
    if not answer.found:
        return f"Nothing of {_library(answer)} is left by the filters; widen them."
    best = answer.found[0]
    at = f"{best.moment.video} at {span(best.moment.t0, best.moment.t1)}"
    similarity = with_minus(best.moment.score)
    said = [_first(answer, at, similarity), _beside_median(answer)]
    if answer.closer:
        said.append(_reranked(answer))
    said.append(_in_any_library(answer))
    return " ".join(said)


def search_notice(answer: SearchAnswer) -> str:
    """What was done, and what of the text did not count."""
    said = f"{len(answer.found)} moments in {significant(answer.latency_ms)} ms."
    if answer.unknown:
        said += f" {unknown_words(answer.model, answer.unknown)}"
    if answer.cut:
        said += f" The text is too long; its last {answer.cut} word pieces do not count."
    return said


def strip_sentence(answer: SearchAnswer | None) -> str:
    """What to look at in the scores over time."""
    if answer is None or not answer.windows:
        return "Similarity of every window with what is looked for, over the time of each video."
    drawn, every = answer.drawn_videos, {one.video for one in answer.windows}
    videos = f"{len(drawn)} of {len(every)} videos" if len(drawn) < len(every) else "every video"
    return (
        f"Similarity of each window of {videos} with {answer.question.words}, all on one scale; "
        f"the dashed line is the median, {with_minus(answer.median)}. A peak that stands out is a "
        "moment, a level line says that the video is the same throughout to this model. Click to "
        "play there."
    )


def _first(answer: SearchAnswer, at: str, similarity: str) -> str:
    if answer.question.clip:
        return f"Most like {answer.question.words} is {at}, with a cosine of {similarity}."
    return f"{answer.question.words} fits best to {at}, with a similarity of {similarity}."


def _beside_median(answer: SearchAnswer) -> str:
    above = answer.found[0].moment.score - answer.median
    side = "above" if above >= 0 else "below"
    which = f"all {whole(len(answer.windows))} windows" if answer.whole else "the windows drawn"
    return f"That is {significant(abs(above))} {side} the median of {which}."


def _reranked(answer: SearchAnswer) -> str:
    nearest = max(answer.found, key=lambda one: one.moment.score)
    ahead = answer.found[0]
    changed = (
        "it is also the most similar of them"
        if nearest is ahead
        else f"by similarity alone {nearest.moment.video} at "
        f"{span(nearest.moment.t0, nearest.moment.t1)} would come first"
    )
    return (
        f"The {answer.closer} most similar moments were looked at again and are ordered by their "
        f"match logits alone; {changed}."
    )


def _in_any_library(answer: SearchAnswer) -> str:
    if answer.question.clip:
        return (
            "The comparison of clips with clips is ours: the model learned to compare clips with "
            "texts."
        )
    return "Some window is always the best, also where nothing fits: look whether it stands out."


def _library(answer: SearchAnswer) -> str:
    return f'the library "{answer.question.library.title}"'
