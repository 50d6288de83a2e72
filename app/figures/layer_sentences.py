"""What to look at in each figure of the hidden states, filled with this clip's numbers."""

import numpy as np

from analysis.attribution.exact.block_matrix import BlockMatrix
from analysis.attribution.exact.token_map import MapQuestion, Subject, TokenMap
from analysis.attribution.memory.layer_memory import LayerMemory, ScanMemory
from analysis.layers.token_grid import TokenGrid
from analysis.tracing.token_positions import token_position
from app.figures.evidence import frames_in_words
from app.figures.hidden_states import percent_signed
from app.figures.number_format import THIN_SPACE, compact, percent, share, significant, whole

ASK = "Click a patch, or the name of a frame, to see where its hidden state comes from."
SILENT = (
    "Nothing: this layer adds nothing to any token, because its last projection is zero, as in "
    "every MoMa before training."
)


def subject_words(subject: Subject, grid: TokenGrid, readout: str, tubelet: int) -> str:
    """The subject as a visitor names it."""
    if subject.kind == "frame":
        return frames_in_words(subject.index, subject.index, tubelet)
    if subject.kind == "readout":
        return "the CLS token" if readout == "cls" else "the mean of all patches"
    place = token_position(grid, subject.index)
    if place is None:
        return "the CLS token"
    frame, row, column = place
    where = f" of {frames_in_words(frame, frame, tubelet)}" if grid.t > 1 else ""
    return f"row {row + 1}, column {column + 1}{where}"


def map_title(asked: TokenMap, readout: str, tubelet: int, layer: int, depth: int) -> str:
    """Who is asked about what, where."""
    question = asked.question
    subject = subject_words(question.subject, asked.grid, readout, tubelet)
    start = f"Who feeds {subject}" if question.side == "sources" else f"Whom {subject} feeds"
    through = "" if question.direction == "both" else f", {question.direction} scan only"
    return f"{start} in layer {layer} of {depth}{through}"


def map_sentence(asked: TokenMap, readout: str, tubelet: int) -> str:
    """Where most of it is, how local it is, and which scan brings it."""
    if asked.output_size == 0 and asked.question.level == "residual":
        return f"{SILENT} Choose Scan values to see what its scans pass on."
    if not asked.values.any():
        return _nothing(asked, readout, tubelet)
    words = [_where(asked, readout, tubelet)]
    if asked.frame_shares is not None:
        words.append(_directions(asked))
    return " ".join(words)


def _nothing(asked: TokenMap, readout: str, tubelet: int) -> str:
    subject = subject_words(asked.question.subject, asked.grid, readout, tubelet)
    return (
        f"Nothing: through the {asked.question.direction} scan no patch reaches {subject}. "
        "Choose the other direction or both."
    )


def _where(asked: TokenMap, readout: str, tubelet: int) -> str:
    """How much is near and far, and the strongest single patch."""
    grid, subject = asked.grid, asked.question.subject
    sources = asked.question.side == "sources"
    strongest = int(np.abs(asked.values).argmax())
    peak = Subject("token", strongest + grid.class_tokens)
    best = "itself" if peak == subject else subject_words(peak, grid, readout, tubelet)
    single = (
        f"the strongest single {'source' if sources else 'receiver'} is {best} "
        f"({_amount(asked, float(asked.values.flat[strongest]))})"
    )
    if grid.t == 1:
        half, count = _count_of_half(np.abs(asked.values)), asked.values.size
        return f"Half of the map lies in {half} of {count} patches; {single}."
    frames = _frame_sums(asked)
    own = _own_frame(subject, grid)
    if own is None:
        richest = int(np.abs(frames).argmax())
        verb = ("give" if sources else "take") + ("s" if tubelet == 1 else "")
        words = frames_in_words(richest, richest, tubelet).capitalize()
        return f"{words} {verb} most, {_amount(asked, float(frames[richest]), True)}; {single}."
    near, far = float(frames[own]), float(frames.sum() - frames[own])
    return (
        f"{_amount(asked, near, True)} {'comes from' if sources else 'stays in'} its own "
        f"{'frame' if tubelet == 1 else 'frames'}, {_amount(asked, far)} "
        f"{'from' if sources else 'goes to'} the rest of the clip; {single}."
    )


def frame_strip(asked: TokenMap) -> list[dict[str, float | str]]:
    """What stands under each time step of a map: `share` -1..1 of a bar's width, and `words`."""
    frames = _frame_sums(asked)
    all_of_it = float(np.abs(asked.by_frame).sum()) if _nets(asked) else _everything(asked)
    return [
        {"share": float(part) / (all_of_it or 1.0), "words": _amount(asked, float(part))}
        for part in frames
    ]


def _nets(asked: TokenMap) -> bool:
    """Whether sums over tokens mean something by themselves: shares of one output or logit."""
    return asked.signed and asked.question.side == "sources"


def _frame_sums(asked: TokenMap) -> np.ndarray:
    """(t,) of a map, with their sign where that adds up."""
    if _nets(asked):
        return asked.by_frame[:-1]
    return np.abs(asked.values.astype(np.float64)).sum((1, 2))


def _everything(asked: TokenMap) -> float:
    return float(np.abs(asked.values.astype(np.float64)).sum()) + abs(asked.cls_value or 0)


def _amount(asked: TokenMap, value: float, named: bool = False) -> str:
    """A part of a map in words: of the output or the logit where that adds up, else of the map."""
    if not _nets(asked):
        return percent(abs(value) / (_everything(asked) or 1.0)) + " of the map" * named
    if asked.question.score == "signed_share":
        return percent_signed(value) + " of the output" * named
    sign = "\N{MINUS SIGN}" if value < 0 else ""
    return f"{sign}{significant(abs(value), 2)}" + " of the logit" * named


def _directions(asked: TokenMap) -> str:
    forward, backward = (float(part.sum()) for part in asked.frame_shares)
    return (
        f"Of the output itself, the forward scan brings {percent_signed(forward)}, the backward "
        f"scan {percent_signed(backward)}, biases {percent_signed(asked.bias_share)}."
    )


def evidence_sentence(evidence: TokenMap, readout: str, tubelet: int) -> str:
    """By which scan and from which frames the read-out hears the patches."""
    if evidence.output_size == 0:
        return SILENT
    forward, backward = evidence.frame_shares[:, :-1]
    both = forward + backward
    biases = percent_signed(evidence.bias_share)
    richest = int(both.argmax())
    most = (
        f"{frames_in_words(richest, richest, tubelet)} with {percent_signed(float(both[richest]))}"
    )
    most = "" if evidence.grid.t == 1 else f", most in {most}"
    if readout == "cls":
        itself = float(evidence.frame_shares[:, -1].sum())
        return (
            "CLS is the first token, so in the forward scan nothing comes before it: patches give "
            f"it {percent_signed(float(forward.sum()))} that way and "
            f"{percent_signed(float(backward.sum()))} through the backward scan{most}; "
            f"CLS itself gives {percent_signed(itself)}, biases {biases}."
        )
    words = (
        f"the mean of all patches: the forward scan brings it "
        f"{percent_signed(float(forward.sum()))}, the backward scan "
        f"{percent_signed(float(backward.sum()))}{most}; biases give {biases}."
    )
    if not evidence.grid.class_tokens:
        return (
            f"What this layer adds to {words} No CLS token is scanned, and the head reads the "
            "patches only after the frozen perceptrons that follow."
        )
    return (
        f"The head reads {words} "
        "A CLS token at index 0 would hear patches through the backward scan only."
    )


def delta_sentence(values: np.ndarray, variation: float, tubelet: int) -> str:
    """Where steps are longest, and whether the layer selects at all."""
    t, h, w = values.shape
    patch = Subject("token", 1 + int(values.argmax()))
    grid = TokenGrid(t, h, w)
    where = subject_words(patch, grid, "mean", tubelet)
    by = share(float(f"{variation:.2g}"))
    start = "A long step writes its token into the state and fades what was there."
    if variation < 0.05:
        return (
            f"{start} Here steps vary by {by} of their mean: all tokens are treated nearly alike."
        )
    ratio = significant(float(values.max() / (values.min() or 1.0)), 2)
    return (
        f"{start} The longest is at {where}, {ratio} times the shortest; steps vary by {by} of "
        "their mean, so the layer chooses what to take in."
    )


def memory_sentence(memory: LayerMemory, tubelet: int) -> str:
    """How long the longer-lived direction remembers, against a frame and the clip."""
    scan = max(memory.scans, key=lambda one: one.half_life[1])
    middle, high = scan.half_life[1], scan.half_life[2]
    length = memory.grid.length
    words = (
        f"Half of the {scan.direction} states lose half in {_tokens(middle)}"
        f"{_in_frames(middle, scan, memory.grid, tubelet)}, a quarter keep it for more than "
        f"{_tokens(high)}; "
        f"the {'clip' if memory.grid.t > 1 else 'image'} is {whole(length)} tokens long."
    )
    return f"{words} {_left(scan, memory, tubelet)}"


def _left(scan: ScanMemory, memory: LayerMemory, tubelet: int) -> str:
    tenth = scan.crossings[0.1]
    if tenth is None:
        far = int(scan.lags[-1])
        return (
            f"On average {percent(float(scan.retention[-1]))} of the state is left after "
            f"{far} tokens, half of the way."
        )
    frames = _in_frames(tenth, scan, memory.grid, tubelet)
    words = f"On average a tenth is left after {_tokens(tenth)}{frames}"
    if scan.steps_per_frame is None or tenth > scan.steps_per_frame * (memory.grid.t - 1):
        return f"{words}."
    return f"{words}: the first frame has faded long before the last one is read."


def state_sentence(memory: LayerMemory) -> str:
    """Where the state is fullest, and whether it still grows at the end."""
    words = []
    firsts = {scan.direction: scan for scan in reversed(memory.scans)}
    for scan in sorted(firsts.values(), key=lambda one: one.direction == "backward"):
        norm = scan.state_norm
        at = int(scan.steps[int(norm.argmax())]) + 1
        words.append(f"the {scan.direction} state is fullest at step {at}")
    last = ", with CLS" if memory.grid.class_tokens else ""
    return (
        f"Counted from each scan's own start, {' and '.join(words)} of {memory.grid.length}. A "
        "flat line means that as much fades as is written; a backward scan ends at the clip's "
        f"beginning{last}."
    )


def matrix_sentence(matrix: BlockMatrix) -> str:
    """How much stays within a frame, and which way the rest goes; "" where there is nothing."""
    if not matrix.values.any():
        return ""
    before = matrix.grid.class_tokens
    values = matrix.values[before:, before:].astype(np.float64)
    total = values.sum() or 1.0
    frames = np.arange(len(values)) // matrix.per_frame
    if matrix.grid.t == 1:
        own = float(np.trace(values) / total)
        return (
            f"{percent(own)} of all contribution lies on the diagonal, tokens feeding themselves; "
            "below it the forward scan feeds later tokens, above it the backward scan earlier ones."
        )
    receives, feeds = frames[:, None], frames[None]
    within = float(values[receives == feeds].sum() / total)
    later = float(values[receives > feeds].sum() / total)
    nearest = float(values[abs(receives - feeds) == 1].sum() / total)
    return (
        f"{percent(within)} of all contribution stays within its frame, {percent(nearest)} reaches "
        f"the next or the previous one; {percent(later)} goes forward to later frames (below the "
        f"diagonal), {percent(1 - within - later)} backward (above it)."
    )


def _count_of_half(sizes: np.ndarray) -> int:
    """How many patches, richest first, hold half."""
    ranked = np.sort(sizes, axis=None)[::-1].cumsum()
    return int(np.searchsorted(ranked, 0.5 * ranked[-1])) + 1


def _own_frame(subject: Subject, grid: TokenGrid) -> int | None:
    if subject.kind == "frame":
        return subject.index
    place = token_position(grid, subject.index) if subject.kind == "token" else None
    return None if place is None else place[0]


def _tokens(count: float) -> str:
    words = compact(float(f"{count:.2g}"))
    return f"{words}{THIN_SPACE}{'token' if words == '1' else 'tokens'}"


def _in_frames(steps: float, scan: ScanMemory, grid: TokenGrid, tubelet: int) -> str:
    """Steps of a scan as frames; "" where it reads a patch in all frames sooner than that."""
    if scan.steps_per_frame is None or steps > scan.steps_per_frame * grid.t:
        return ""
    frames = compact(float(f"{tubelet * steps / scan.steps_per_frame:.2g}"))
    return f" ({frames} {'frame' if frames == '1' else 'frames'})"


def question_unit(question: MapQuestion, label: str) -> str:
    """What the colours of a map measure, in the words beside its scale."""
    whose = "its output" if question.side == "sources" else "each receiver's output"
    measure = {
        "l2_norm": "L2 norm, the length of each contribution",
        "l1_norm": "L1 norm, the sum of each contribution's absolute entries",
        "signed_share": f"signed share of {whose}; blue points away from it",
        "alti": "ALTI, how much nearer to the output each source brings; sums to 1",
        "logit_share": f"part of the logit of {label}; blue speaks against it",
    }[question.score]
    place = {
        "residual": "in the residual stream",
        "pre_conv": "of inner tokens, before gate and projection",
        "value": "of the scan's values, before gate and projection",
    }[question.level]
    return f"{measure} ({place})"
