"""`mask CLIP`: what masking strategies hide of a clip, leave to a scan and do to the answer."""

import argparse
import io
import json
from dataclasses import asdict
from pathlib import Path

from analysis.commands.output import print_json, print_table, refused
from analysis.commands.predict import add_model_options, load_chosen_model

_COLUMNS = {
    "frame_std": "std a frame",
    "site_share": "sites seen",
    "leakage": "leakage",
    "motion": "motion seen",
    "absolute_mass": "attribution seen",
}
_SCAN_COLUMNS = {
    "mean_run": "mean run",
    "mean_gap": "mean gap",
    "spatial_in_reach": "in reach, space",
    "temporal_in_reach": "in reach, time",
}


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "mask",
        help="what masking strategies hide of a clip, and what that does to the answer",
        description="Draws masks of every strategy, takes their figures in every scan order, and "
        "runs the model on what is left. Hidden tokens are dropped before the first layer.",
    )
    parser.add_argument("clip", metavar="CLIP", help="video file")
    parser.add_argument("--strategy", default="all", help="all, or names with commas between (all)")
    parser.add_argument(
        "--ratio", type=float, default=0.8, help="share to hide, 0 to below 1 (0.8)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws (0)")
    parser.add_argument("--draws", type=int, default=8, help="masks of each strategy (8)")
    parser.add_argument(
        "--attribution", metavar="METHOD", help="also how much of this method's map is left visible"
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        metavar="FILE",
        help="a CLIP file whose attention guides a mask (the small one trained here)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="keep the masks there, .npz or .json"
    )
    add_model_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the figures; exit code 1 with one sentence when they can't be had."""
    from analysis.video.limits import VideoError
    from analysis.weights import WeightsError

    try:
        report, masks = _measured(options)
        if options.out is not None:
            _keep(options.out, masks)
    except (VideoError, WeightsError, ValueError, OSError) as error:
        return refused(error, options.json, options.clip)
    if options.json:
        print_json(report)
    else:
        _print(report)
    return 0


def _measured(options: argparse.Namespace) -> tuple[dict, dict]:
    """What is printed, and the masks (draws, t, h, w) by strategy."""
    import torch

    from analysis.masking.effects import unmasked_pass
    from analysis.masking.strategies import STRATEGIES, draw_masks, find_strategy
    from analysis.prediction import read_clip, relation

    names = STRATEGIES if options.strategy == "all" else options.strategy.split(",")
    strategies = [find_strategy(name.strip()) for name in names]
    _check_out(options.out)
    loaded = load_chosen_model(options)
    sampled = read_clip(options.clip, loaded)
    model = loaded.model
    clip = sampled.clip[:, 0] if model.config.num_frames is None else sampled.clip
    grid = model.token_grid
    maps, about_maps = _maps(options, loaded, sampled.clip, strategies)
    whole = unmasked_pass(model, clip)
    rows, kept = [], {}
    for strategy in strategies:
        generator = torch.Generator().manual_seed(options.seed)
        masks = draw_masks(
            strategy.name, grid, options.ratio, options.draws, generator, maps.get(strategy.reads)
        )
        kept[strategy.name] = masks[:, 1:].view(-1, grid.t, grid.h, grid.w)
        rows.append(_row(strategy, model, clip, masks, whole, maps, options.ratio))
    report = {
        "clip": options.clip,
        "model": loaded.card.name,
        "training": loaded.card.training,
        "scan_order": model.scan_order,
        "relation": relation(loaded.card.training, model.scan_order, loaded.card.scan_order),
        "frame_indices": list(sampled.frame_indices),
        "grid": [grid.t, grid.h, grid.w],
        "ratio": options.ratio,
        "seed": options.seed,
        "draws": options.draws,
        "answer": {"label": loaded.labels[whole.answer], "probability": whole.probability},
        **about_maps,
        "strategies": rows,
    }
    return report, kept


def _maps(options, loaded, clip, strategies) -> tuple[dict, dict]:
    """Maps on the token grid that masks are drawn by or judged on, and words about them."""
    import torch

    from analysis.masking.motion import motion_energy

    grid, config = loaded.model.token_grid, loaded.model.config
    maps, about = {"motion": motion_energy(clip, grid)}, {"teacher": None, "attribution": None}
    if any(strategy.reads == "attention" for strategy in strategies):
        from analysis.masking.teacher import find_teacher, teacher_attention

        teacher = find_teacher(grid, config.num_frames, options.teacher)
        maps["attention"] = teacher_attention(teacher, clip)
        about["teacher"] = {
            "name": teacher.name,
            "training": teacher.training,
            "note": teacher.note,
        }
    if options.attribution is not None:
        from analysis.attribution.attribution import attribute

        found = attribute(loaded.model, clip, options.attribution)
        maps["attribution"] = torch.from_numpy(found.values)
        about["attribution"] = {"method": found.method, "label": loaded.labels[found.target]}
    return maps, about


def _row(strategy, model, clip, masks, whole, maps, ratio: float) -> dict:
    """Figures of the masks (draws, L) of one strategy, and what the model makes of them."""
    from analysis.masking.effect_summary import summarised
    from analysis.masking.effects import masked_effect
    from analysis.masking.metrics import strategy_metrics
    from analysis.ops.scan_order import SCAN_ORDERS

    grid, config = model.token_grid, model.config
    metrics = strategy_metrics(
        masks[:, 1:].view(-1, grid.t, grid.h, grid.w),
        SCAN_ORDERS,
        config.depth,
        conv_width=config.conv_width,
        motion=maps["motion"],
        attribution=maps.get("attribution"),
    )
    effect = asdict(summarised(masked_effect(model, clip, masks, whole, strategy.name, ratio)))
    about = asdict(strategy)
    return {
        "strategy": about.pop("name"),
        **about,
        **asdict(metrics),
        "effect": {
            name: effect[name]
            for name in ("probability", "same_answer", "token_similarity", "readout_similarity")
        },
    }


def _check_out(path: Path | None) -> None:
    """Raises ValueError for a name that says no kind of file this command writes."""
    if path is not None and path.suffix not in (".npz", ".json"):
        raise ValueError(f"masks are kept as .npz or .json, not as {path.name!r}")


def _keep(path: Path, masks: dict) -> None:
    """By strategy, (draws, t, h, w), true = hidden, CLS left out."""
    import numpy as np

    from analysis.weights.shipped import replace_file

    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npz":
        content = io.BytesIO()
        np.savez_compressed(content, **{name: mask.numpy() for name, mask in masks.items()})
        replace_file(path, content.getvalue())
    else:
        listed = {name: mask.int().tolist() for name, mask in masks.items()}
        replace_file(path, (json.dumps(listed, separators=(",", ":")) + "\n").encode())


def _print(report: dict) -> None:
    t, h, w = report["grid"]
    answer, rows = report["answer"], report["strategies"]
    print(
        f"{report['clip']} · {report['model']} ({report['training']}, {report['relation']}) · "
        f"{report['scan_order']} · {t} x {h} x {w} tokens · ratio {report['ratio']:g} · "
        f"{report['draws']} draws, seed {report['seed']} · mean ± 95 % interval"
    )
    if report["teacher"]:
        print(f"attention of {report['teacher']['name']}: {report['teacher']['note']}")
    if report["attribution"]:
        print(f"attribution: {report['attribution']['method']}, {report['attribution']['label']}")
    print(f"\nWhole clip: {answer['label']}, {answer['probability']:.3f}")
    print_table(
        ("strategy", "hidden", "visible", "probability", "same answer", "similarity"),
        [
            (
                row["strategy"],
                row["real_ratio"],
                row["visible"],
                *(
                    _cell(row["effect"][name])
                    for name in ("probability", "same_answer", "readout_similarity")
                ),
            )
            for row in rows
        ],
    )
    print(f"\nWhat is left, scanned {report['scan_order']}")
    print_table(
        ("strategy", *_SCAN_COLUMNS.values(), *_COLUMNS.values()),
        [
            (
                row["strategy"],
                *(_cell(_scanned(row, report["scan_order"], name)) for name in _SCAN_COLUMNS),
                *(_cell(row["figures"].get(name)) for name in _COLUMNS),
            )
            for row in rows
        ],
    )
    print("\nMean run of visible tokens")
    print_table(
        ("scan order", *(row["strategy"] for row in rows)),
        [
            (order, *(_cell(_scanned(row, order, "mean_run")) for row in rows))
            for order in rows[0]["scans"]
        ],
    )


def _scanned(row: dict, order: str, name: str) -> dict | None:
    return row["scans"][order]["figures"][name]


def _cell(interval: dict | None) -> str | None:
    """The mean and half of its interval; ends that are not even are written out."""
    if interval is None:
        return None
    mean, low, high = (interval[name] for name in ("mean", "low", "high"))
    if low is None:
        return f"{mean:.3g}"
    below, above = mean - low, high - mean
    if abs(below - above) > 1e-6:
        return f"{mean:.3g} [{low:.3g}, {high:.3g}]"
    return f"{mean:.3g} ± {above:.2g}"
