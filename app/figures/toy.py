"""The toy clip of Learn: its three frames, its state along the scan, and the sum worked out."""

from html import escape

from analysis.attribution.toy_walk import BALL, TOY_GRID, ToyWalk

ORDER, STATE, PARTS = "order", "state", "parts"
"""What bars show: the input at a step, the state after it, or the part it gave; cells likewise,
but that in ORDER only their numbers speak."""

_BAR_WORDS = {
    ORDER: "the input at each step",
    STATE: "the state after each step",
    PARTS: "what each step gave",
}
_FRAME = TOY_GRID.h * TOY_GRID.w


def toy_figure(walk: ToyWalk, step: int, view: str) -> str:
    """The frames, the bars and the sum at `step`, counted from 0 in reading order."""
    return (
        f'<div class="toy" data-step="{step}" data-view="{view}">'
        f"{_frames(walk, step, view)}{_bars(walk, step, view)}{_sum(walk, step, view)}</div>"
    )


def _amounts(walk: ToyWalk, step: int, view: str) -> list[float]:
    """What each token's cell and bar show, by canonical number."""
    if view == PARTS:
        return list(walk.parts[walk.positions[step]])
    if view == ORDER:
        return list(walk.inputs)
    shown = [0.0] * len(walk.positions)
    for read in range(step + 1):
        shown[walk.positions[read]] = walk.states[read]
    return shown


def _frames(walk: ToyWalk, step: int, view: str) -> str:
    amounts, largest = _amounts(walk, step, view), max(walk.states)
    blocks = []
    for frame in range(TOY_GRID.t):
        tokens = range(frame * _FRAME, (frame + 1) * _FRAME)
        cells = "".join(
            _cell(walk, token, step, amounts[token] / largest, view) for token in tokens
        )
        blocks.append(
            f'<figure><div class="toy-grid">{cells}</div>'
            f"<figcaption>frame {frame + 1}</figcaption></figure>"
        )
    return f'<div class="toy-frames">{"".join(blocks)}</div>'


def _cell(walk: ToyWalk, token: int, step: int, share: float, view: str) -> str:
    read_at = walk.steps[token]
    kinds = ["toy-cell"]
    if token in BALL:
        kinds.append("toy-ball")
    if read_at == step:
        kinds.append("toy-now")
    elif read_at > step:
        kinds.append("toy-later")
    number = walk.inputs[token]
    spoken = f"patch read at step {read_at + 1}, input {number:g}"
    fill = 0.0 if view == ORDER else share
    return (
        f'<span class="{" ".join(kinds)}" style="--fill:{fill:.4f}" title="{escape(spoken)}">'
        f"<small>{read_at + 1}</small></span>"
    )


def _bars(walk: ToyWalk, step: int, view: str) -> str:
    amounts = _amounts(walk, step, view)
    largest = max(walk.inputs if view == ORDER else walk.states)
    bars = []
    for read, token in enumerate(walk.positions):
        kinds = ["toy-bar"]
        if read == step:
            kinds.append("toy-now")
        if token in BALL:
            kinds.append("toy-ball")
        height = 100 * amounts[token] / largest
        spoken = f"step {read + 1}: {amounts[token]:.3f}"
        bars.append(
            f'<span class="{" ".join(kinds)}" title="{spoken}"><i style="height:{height:.1f}%"></i>'
            "</span>"
        )
    word = _BAR_WORDS[view]
    return (
        f'<div class="toy-bars" role="img" aria-label="{word}">{"".join(bars)}</div>'
        f'<p class="toy-axis"><span>step 1</span><span>{word}</span>'
        f"<span>step {len(walk.positions)}</span></p>"
    )


def _sum(walk: ToyWalk, step: int, view: str) -> str:
    token = walk.positions[step]
    if view == ORDER:
        line = f"u({step + 1}) = <b>{walk.inputs[token]:g}</b>"
        below = "the ball" if token in BALL else "an empty patch"
    elif view == PARTS:
        terms = [part for part in walk.parts[token] if part]
        parts = " + ".join(f"{part:.3f}" for part in terms) or "nothing"
        line = f"y({step + 1}) = {parts} = <b>{walk.outputs[token]:.3f}</b>"
        below = f"The parts differ from the scan's own output by {walk.completeness_error:.1e}."
    else:
        before = walk.states[step - 1] if step else 0.0
        line = (
            f"h({step + 1}) = {walk.kept[token]:.3f} &times; {before:.3f} + "
            f"{walk.step_sizes[token]:.3f} &times; {walk.inputs[token]:g} = "
            f"<b>{walk.states[step]:.3f}</b>"
        )
        below = "kept &times; state before + step size &times; input = state after"
    return f'<p class="toy-sum"><code>{line}</code><small>{below}</small></p>'
