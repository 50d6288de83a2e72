"""`mask-accuracy`: how many answers stay right when tokens are left out, by strategy and order."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from analysis.commands.kept_table import TableError, keep_table, kept_rows
from analysis.commands.output import print_json, print_table, refused
from analysis.commands.train import add_places, places_of, say

_BATCH = 90
_GEOMETRY_DRAWS = 32


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "mask-accuracy",
        help="how many answers stay right when tokens are left out",
        description="Judges the models of the scan-order study on camera moves over photographs "
        "never trained on, whole and with each masking strategy, and measures what each scan "
        "order finds of the masks. With --out a stopped table goes on where it was.",
    )
    parser.add_argument(
        "--ratios", type=float, nargs="+", default=[0.8, 0.75], help="hidden shares (0.8 0.75)"
    )
    parser.add_argument("--clips", type=int, default=1080, help="rendered clips (1080)")
    parser.add_argument("--seed", type=int, default=0, help="of the masks (0)")
    add_places(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the table there as JSON")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the table; 1 with one sentence on the error stream when it cannot be made."""
    from analysis.training.errors import TrainingError
    from analysis.weights import WeightsError

    try:
        table = _judged(options)
    except (TableError, TrainingError, WeightsError, ValueError) as error:
        return refused(error, options.json)
    except KeyboardInterrupt:
        kept = " The same command goes on after the last whole model." if options.out else ""
        say(f"Stopped.{kept}")
        return 130
    if options.json:
        print_json(table)
    else:
        _print(table)
    return 0


def _judged(options: argparse.Namespace) -> dict:
    """The table as it is printed and kept, model after model."""
    from analysis.masking.strategies import STRATEGIES
    from analysis.masking.teacher import find_teacher
    from analysis.ops.token_mask import check_mask_request
    from analysis.weights import load_model

    cards = _studied()
    first = load_model(cards[0].name)
    config, grid = first.config, first.model.token_grid
    for ratio in options.ratios:
        check_mask_request((grid.t, grid.h, grid.w), ratio, max(1, options.clips))
    if options.clips < 1:
        raise TableError(f"At least one clip is judged on, got --clips {options.clips}.")
    teacher = find_teacher(grid, config.num_frames)
    heading = {
        "models": [card.name for card in cards],
        "strategies": list(STRATEGIES),
        "ratios": options.ratios,
        "grid": [grid.t, grid.h, grid.w],
        "clips": options.clips,
        "clips_from": "camera moves over photographs never trained on",
        "seed": options.seed,
        "teacher": teacher.name,
    }
    rows = kept_rows(options.out, heading, "rows")
    table = {**heading, "rows": rows}
    missing = cards[len(rows) :]
    batches = list(_batches(options, first, teacher)) if missing else []
    for card in missing:
        say(card.name)
        rows.append(_row(card, batches, options))
        if options.out is not None:
            keep_table(options.out, table)
    return table


def _studied() -> list:
    """The shipped models of the scan-order study, order by order."""
    from analysis.training.study_list import SCAN_ORDER_STUDY
    from analysis.weights import weights_card

    return [weights_card(run.name) for run in SCAN_ORDER_STUDY.runs]


def _batches(options: argparse.Namespace, loaded, teacher) -> Iterator:
    """Held-out camera moves with what weighs masks of them."""
    import torch

    from analysis.masking.accuracy import LabelledClips
    from analysis.masking.motion import motion_energy
    from analysis.training.camera.data import CameraMovesData
    from analysis.training.source import RunShape

    material = CameraMovesData().load(places_of(options), say)
    config, grid = loaded.config, loaded.model.token_grid
    shape = RunShape(0, 1, 1, config.num_frames, loaded.preprocessing.image_size)
    left = options.clips
    for batch in material.held_out(shape, -(-options.clips // _BATCH) * _BATCH):
        clips, classes = batch.clips[:left], batch.targets[:left]
        left -= len(clips)
        with torch.inference_mode():
            seen = teacher.tower.targets(teacher.tower.resized(clips), attention=True)
        moving = torch.stack([motion_energy(clip, grid) for clip in clips])
        yield LabelledClips(clips, classes, {"attention": seen.attention, "motion": moving})
        if not left:
            return


def _row(card, batches: list, options: argparse.Namespace) -> dict:
    """One model: its accuracy on whole clips, and each strategy at each ratio."""
    import torch

    from analysis.masking.accuracy import masked_accuracies
    from analysis.masking.strategies import STRATEGIES
    from analysis.weights import load_model

    model = load_model(card.name).model
    masked = []
    for ratio in options.ratios:
        generator = torch.Generator().manual_seed(options.seed)
        whole, *found = masked_accuracies(model, batches, list(STRATEGIES), ratio, generator)
        for accuracy in found:
            masked.append(
                {
                    "strategy": accuracy.strategy,
                    "ratio": ratio,
                    "accuracy": accuracy.accuracy,
                    **_geometry(model, accuracy.strategy, ratio, batches[0], options.seed),
                }
            )
    return {
        "model": card.name,
        "scan_order": card.scan_order,
        "accuracy": whole.accuracy,
        "masked": masked,
    }


def _geometry(model, strategy: str, ratio: float, batch, seed: int) -> dict:
    """What the model's scan order finds of masks of the first clips, mean over them."""
    import torch

    from analysis.masking.metrics import strategy_metrics
    from analysis.masking.strategies import draw_masks

    grid, count = model.token_grid, min(_GEOMETRY_DRAWS, len(batch.clips))
    weights = batch.weights.get(strategy)
    masks = draw_masks(
        strategy,
        grid,
        ratio,
        count,
        torch.Generator().manual_seed(seed),
        None if weights is None else weights[:count],
    )
    hidden = masks[:, 1:].unflatten(1, (grid.t, grid.h, grid.w))
    order, depth = model.scan_order, model.config.depth
    found = strategy_metrics(hidden, [order], depth, conv_width=model.config.conv_width)
    mean_run, leakage = found.scans[order].figures["mean_run"], found.figures["leakage"]
    return {
        "real_ratio": found.real_ratio,
        "mean_run": mean_run.mean,
        "leakage": leakage and leakage.mean,
    }


def _print(table: dict) -> None:
    from analysis.masking.order_table import order_table

    found = order_table(table)
    t, h, w = table["grid"]
    print(
        f"{table['clips']} {table['clips_from']} · {t} x {h} x {w} tokens · attention of "
        f"{table['teacher']} · seed {table['seed']}\nModels were trained on whole clips; hidden "
        "tokens are dropped before the first block. Accuracy: mean of the models of an order."
    )
    orders = [column.scan_order for column in found.orders]
    whole = [round(100 * column.accuracy, 1) for column in found.orders]
    for ratio in table["ratios"]:
        rows = [row for row in found.rows if row.ratio == ratio]
        print(f"\nratio {ratio}: mean visible run in tokens")
        columns = ("strategy", "hidden", "leakage", *orders)
        print_table(
            columns,
            [
                (r.strategy, r.real_ratio, r.leakage, *(cell.mean_run for cell in r.cells))
                for r in rows
            ],
        )
        print(f"\nratio {ratio}: accuracy in percent")
        accuracies = [
            (r.strategy, r.real_ratio, None, *(round(100 * c.accuracy, 1) for c in r.cells))
            for r in rows
        ]
        print_table(columns, [("whole clips", 0.0, None, *whole), *accuracies])
