"""`explain CLIP`: who feeds a token, exactly, or what a published method says about a class."""

import argparse
import json

from analysis.commands.output import print_json, print_table, refused
from analysis.commands.predict import add_model_options, load_chosen_model

EXACT = "exact"
_MATRIX_SCORES = ("l2_norm", "logit_share")
_EXACT_DEFAULTS = {
    "layer": -1,
    "token": "readout",
    "side": "sources",
    "direction": "both",
    "level": "residual",
    "score": "l2_norm",
}
"""Options of the exact method alone, but for the layer, which some others have too."""


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "explain",
        help="where an answer comes from",
        description="The exact method takes one layer apart: what every token gives to one of "
        "them, with the error of the sum. Any other method explains a class.",
    )
    parser.add_argument("clip", metavar="CLIP", help="video file")
    add_model_options(parser)
    parser.add_argument(
        "--method", default=EXACT, help="exact, or the name of an attribution method (exact)"
    )
    parser.add_argument("--layer", type=int, help="layer from 0, negative from the end (-1)")
    parser.add_argument(
        "--token", help="frame,row,column of the token grid, cls, or readout: what the head reads"
    )
    parser.add_argument("--side", help="sources: who feeds it; receivers: whom it feeds (sources)")
    parser.add_argument("--direction", help="both, forward or backward (both)")
    parser.add_argument("--level", help="value, pre_conv or residual (residual)")
    parser.add_argument(
        "--score", help="l2_norm, l1_norm, signed_share, alti or logit_share (l2_norm)"
    )
    parser.add_argument(
        "--matrix",
        type=int,
        metavar="BLOCKS",
        help="all tokens against all instead of one, in at most so many blocks and CLS; as many "
        "as frames: one a frame; with --score l2_norm or logit_share",
    )
    parser.add_argument("--target", help="label or index of a class (the model's answer)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the method, such as n_steps=20; may be repeated",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the map; exit code 1 with one sentence when it can't be made."""
    from analysis.prediction import read_clip
    from analysis.prediction.relation import scan_order_of
    from analysis.video.limits import VideoError
    from analysis.weights import WeightsError

    try:
        loaded = load_chosen_model(options)
        sampled = read_clip(options.clip, loaded)
        row = _way(options)(loaded, sampled.clip, options)
    except (VideoError, WeightsError, ValueError) as error:
        return refused(error, options.json, options.clip)
    about = {
        "clip": options.clip,
        "model": loaded.card.name,
        "training": loaded.card.training,
        "scan_order": scan_order_of(loaded.model),
        "frame_indices": list(sampled.frame_indices),
        "method": options.method,
    }
    if options.json:
        print_json({**about, **row})
    else:
        _print({**about, **row})
    return 0


def _way(options: argparse.Namespace):
    """What answers: it is given the model, the clip and the options."""
    if options.method == EXACT:
        return _explain_exactly if options.matrix is None else _explain_all_pairs
    if options.matrix is not None:
        raise ValueError("only the exact method has a matrix; leave --matrix out")
    return _explain_by_method


def _explain_exactly(loaded, clip, options: argparse.Namespace) -> dict:
    from analysis.attribution.exact.token_map import MapQuestion, token_map
    from analysis.tracing.opened_models import check_traced, traced_grid

    asked = {name: _or(getattr(options, name), value) for name, value in _EXACT_DEFAULTS.items()}
    number = asked.pop("layer")
    check_traced(loaded.model.config, "The exact method")
    subject = _subject(asked.pop("token"), traced_grid(loaded.model.config))
    trace, target, direction = _traced(loaded, clip, options, number, asked["score"])
    found = token_map(trace.layer(number), MapQuestion(subject, **asked), trace.readout, direction)
    return {
        **_class_words(loaded, target),
        "map": found.values.tolist(),
        "cls": found.cls_value,
        "by_frame": found.by_frame.tolist()[: None if found.grid.class_tokens else -1],
        "signed": found.signed,
        **_proof_words(found),
    }


def _explain_all_pairs(loaded, clip, options: argparse.Namespace) -> dict:
    from analysis.attribution.exact.block_matrix import block_matrix

    for name in ("token", "side", "direction", "level"):
        if getattr(options, name) is not None:
            raise ValueError(
                f"a matrix holds all tokens in the residual stream; leave --{name} out"
            )
    score = _or(options.score, _EXACT_DEFAULTS["score"])
    if score not in _MATRIX_SCORES:
        raise ValueError(f"a matrix has no score {score!r}; choose {' or '.join(_MATRIX_SCORES)}")
    if options.matrix < 1:
        raise ValueError(f"a matrix has at least one block, got --matrix {options.matrix}")
    number = _or(options.layer, _EXACT_DEFAULTS["layer"])
    trace, target, direction = _traced(loaded, clip, options, number, score)
    found = block_matrix(trace.layer(number), direction, largest_side=options.matrix)
    return {
        **_class_words(loaded, target),
        "matrix": found.values.tolist(),
        "cls_block": bool(found.grid.class_tokens),
        "blocks_per_frame": found.per_frame,
        "tokens_per_block": found.tokens_per_block,
        "signed": target is not None,
        **_proof_words(found),
    }


def _traced(loaded, clip, options: argparse.Namespace, layer: int, score: str):
    """The trace, and for shares of a logit the class with its direction."""
    from analysis.attribution.exact.readout import class_direction
    from analysis.attribution.method import model_input, one_clip
    from analysis.tracing.recorder import record

    if options.set:
        raise ValueError("the exact method has no settings but its own options; leave --set out")
    model = loaded.model
    trace = record(model, model_input(model, one_clip(model, clip)[None]), [layer])
    if score == "logit_share":
        target = _class_index(options.target, loaded.labels, trace.logits)
        return trace, target, class_direction(model, trace, target)
    if options.target is not None:
        raise ValueError("the exact method explains a class by --score logit_share alone")
    return trace, None, None


def _class_words(loaded, target: int | None) -> dict:
    return {"target": target, "label": None if target is None else loaded.labels[target]}


def _proof_words(found) -> dict:
    return {
        "completeness_error": found.completeness_error,
        "bias_share": found.bias_share,
        "omits": [],
        "dtype": found.dtype,
        "settings": found.settings,
    }


def _explain_by_method(loaded, clip, options: argparse.Namespace) -> dict:
    from analysis.attribution.attribution import attribute, find_method

    settings = dict(map(_setting, options.set))
    method = find_method(options.method)
    for name in _EXACT_DEFAULTS:
        value = getattr(options, name)
        if value is not None and name not in method.defaults:
            raise ValueError(f"{method.title} has no --{name}; it is an option of --method exact")
        if value is not None:
            settings[name] = value
    target = options.target
    if target is not None:
        target = _class_index(target, loaded.labels, None)
    found = attribute(loaded.model, clip, options.method, target, **settings)
    return {
        "target": found.target,
        "label": loaded.labels[found.target],
        "map": found.values.tolist(),
        "cls": found.cls_value,
        "by_frame": [*found.values.sum((1, 2)).tolist(), found.cls_value],
        "signed": found.signed,
        "completeness_error": found.completeness_error,
        "bias_share": found.bias_share,
        "omits": list(found.omits),
        "dtype": str(next(loaded.model.parameters()).dtype).removeprefix("torch."),
        "settings": found.settings,
    }


def _subject(text: str, grid):
    from analysis.attribution.exact.token_map import Subject
    from analysis.tracing.token_positions import parse_token

    if text.strip().lower() == "readout":
        return Subject("readout")
    return Subject("token", parse_token(text, grid))


def _class_index(text: str | None, labels: tuple[str, ...], logits) -> int:
    """Of a label or a number; without either, the class with the highest logit."""
    if text is None:
        return int(logits.argmax())
    if text in labels:
        return labels.index(text)
    if text.isdecimal() and int(text) < len(labels):
        return int(text)
    shown = ", ".join(labels) if len(labels) <= 12 else f"a label or 0 to {len(labels) - 1}"
    raise ValueError(f"the model has no class {text!r}; choose {shown}")


def _setting(text: str) -> tuple[str, object]:
    """NAME=VALUE with the value read as JSON where it is, as a word where not."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"a setting is NAME=VALUE, such as n_steps=20; got {text!r}")
    try:
        parsed = json.loads(value)
    except json.JSONDecodeError:
        parsed = value
    return name, tuple(parsed) if isinstance(parsed, list) else parsed


def _or(value, default):
    return default if value is None else value


def _print(row: dict) -> None:
    """Sums over frames, or the matrix, and the proof; the map itself is for --json."""
    print(f"{row['clip']} · {row['model']} ({row['training']}) · {row['method']}")
    for name, value in row["settings"].items():
        print(f"{name}: {value}")
    if row["label"] is not None:
        print(f"class: {row['label']}")
    if "matrix" in row:
        _print_matrix(row["matrix"], row["blocks_per_frame"], row["cls_block"])
    else:
        frames = [*range(len(row["map"])), "CLS"][: len(row["by_frame"])]
        sums = list(zip(frames, row["by_frame"], strict=True))
        print_table(("frame", "sum over its tokens"), sums)
    for omitted in row["omits"]:
        print(f"left out: {omitted}")
    if row["completeness_error"] is None:
        print("completeness error: the method promises no sum")
    else:
        share = row["bias_share"]
        biases = "" if share is None else f"bias share {share:.3g}, "
        print(f"completeness error {row['completeness_error']:.1e}, {biases}{row['dtype']}")


def _print_matrix(values: list[list[float]], per_frame: int, has_cls: bool) -> None:
    """Rows receive, columns give; blocks have the numbers of their frames."""
    numbers = (divmod(block, per_frame) for block in range(len(values) - has_cls))
    frames = (f"{frame}" if per_frame == 1 else f"{frame}.{part}" for frame, part in numbers)
    names = [*["CLS"] * has_cls, *frames]
    print_table(
        ("to \\ from", *names), [(name, *row) for name, row in zip(names, values, strict=True)]
    )
