"""`faithfulness`: how far every attribution method can be trusted, measured on clips."""

import argparse
import hashlib
import sys
from dataclasses import asdict
from pathlib import Path

from analysis.commands.judged_clips import clips_described, clips_to_judge, planted_cause
from analysis.commands.kept_table import TableError, keep_table, kept_rows
from analysis.commands.output import print_json, print_table, refused
from analysis.commands.predict import DEFAULT_MODEL
from analysis.commands.train import say

_COLUMNS = {
    "deletion_auc": "deletion",
    "insertion_auc": "insertion",
    "gap": "gap",
    "sensitivity_n": "sens.-n",
    "infidelity": "infidelity",
    "pointing": "pointing",
    "average_precision": "mAP",
    "randomised_all": "randomised",
    "latency_ms": "ms a map",
}


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "faithfulness",
        help="how far every attribution method can be trusted",
        description="Judges attribution methods on clips: removal curves, sensitivity-n, "
        "infidelity, a planted cause, random parameters. Without files the clips are camera moves "
        "over photographs never trained on, as hard as those of the recipe of the weights' name. "
        "With --out a stopped table goes on where it was.",
    )
    parser.add_argument("files", nargs="*", metavar="CLIP", help="video files to judge on instead")
    parser.add_argument("--model", default=DEFAULT_MODEL, help=f"weights ({DEFAULT_MODEL})")
    parser.add_argument(
        "--methods",
        default="all",
        help="all that can explain the model, or names with commas between (all)",
    )
    parser.add_argument("--clips", type=int, default=8, help="rendered clips (8)")
    parser.add_argument("--photographs", type=Path, metavar="FOLDER", help="your own photographs")
    parser.add_argument(
        "--deletion-baseline",
        default="zero",
        help="what replaces removed tubelets: zero, blur, frame_repeat or token_drop (zero)",
    )
    parser.add_argument(
        "--insertion-baseline",
        default="frame_repeat",
        help="what stands where none was put back yet (frame_repeat: the first frame)",
    )
    parser.add_argument(
        "--score", default="probability", help="score of the curves, probability or logit"
    )
    parser.add_argument("--steps", type=int, default=32, help="points of a curve (32)")
    parser.add_argument("--subsets", type=int, default=32, help="sets a size, sensitivity-n (32)")
    parser.add_argument("--removals", type=int, default=64, help="removals for infidelity (64)")
    parser.add_argument("--noise", type=int, default=2, help="samples for max-sensitivity (2)")
    parser.add_argument(
        "--no-randomisation", action="store_true", help="leave the sanity check out"
    )
    parser.add_argument(
        "--no-times", action="store_true", help="leave out what a map takes, on a busy machine"
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything drawn at random (0)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the table there as JSON")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run, root=None, footage=[])


def run(options: argparse.Namespace) -> int:
    """Prints the table; 1 with one sentence on the error stream when it cannot be made."""
    from analysis.attribution.method import AttributionError
    from analysis.training.errors import TrainingError
    from analysis.video.limits import VideoError
    from analysis.weights import WeightsError

    try:
        table = _judged(options)
    except (AttributionError, TableError, TrainingError, VideoError, WeightsError) as error:
        return refused(error, options.json)
    except KeyboardInterrupt:
        kept = " The same command goes on after the last whole clip." if options.out else ""
        say(f"Stopped.{kept}")
        return 130
    if options.json:
        print_json(table)
    else:
        _print(table)
    return 0


def _judged(options: argparse.Namespace) -> dict:
    """The table as it is printed and kept, clip after clip."""
    from analysis.prediction.relation import scan_order_of
    from analysis.weights import load_model

    loaded = load_model(options.model)
    methods, settings = _methods(options.methods, loaded.config), _settings(options)
    clips = clips_to_judge(options, loaded)
    heading = {
        "model": loaded.card.name,
        "training": loaded.card.training,
        "scan_order": scan_order_of(loaded.model),
        "readout": getattr(loaded.config, "readout", None),
        "sha256": loaded.content_hash,
        "clips_from": clips_described(options, loaded),
        "first_clip_sha256": hashlib.sha256(clips[0][1].numpy().tobytes()).hexdigest(),
        "methods": list(methods),
        "settings": asdict(settings),
    }
    count = len(options.files) or options.clips
    judged = kept_rows(options.out, heading, "clips")
    for number in range(len(judged), count):
        say(f"clip {number + 1} of {count}")
        judged.append(_judge(loaded, clips, number, methods, settings))
        if options.no_times:
            judged[-1]["methods"] = [{**row, "latency_ms": None} for row in judged[-1]["methods"]]
        table = _table(heading, judged, settings.seed)
        if options.out is not None:
            keep_table(options.out, table)
    return _table(heading, judged[:count], settings.seed)


def _methods(text: str, config) -> tuple[str, ...]:
    """Those named; of "all" those that can explain the model, the others named once."""
    from analysis.attribution.attribution import find_method, fitting_methods, refusals

    if text == "all":
        for refusal in refusals(config):
            say(f"Left out: {', '.join(refusal.methods)}. {refusal.reason}")
        return fitting_methods(config)
    return tuple(find_method(name.strip()).name for name in text.split(","))


def _settings(options: argparse.Namespace):
    from analysis.attribution.faithfulness.judge import JudgeSettings

    return JudgeSettings(
        deletion_baseline=options.deletion_baseline,
        insertion_baseline=options.insertion_baseline,
        score=options.score,
        steps=options.steps,
        subsets=options.subsets,
        removals=options.removals,
        noise_samples=options.noise,
        randomise=not options.no_randomisation,
        seed=options.seed,
    )


def _judge(loaded, clips, number: int, methods, settings) -> dict:
    """One clip's row of every method."""
    from tqdm import tqdm

    from analysis.attribution.faithfulness.judge import RANDOM, ClipJudge

    name, clip = clips[number]
    cause = planted_cause(loaded.model, clips, number, settings.seed)
    judge = ClipJudge(loaded.model, clip, settings, cause)
    rows = []
    for method in tqdm((*methods, RANDOM), unit="method", disable=None):
        rows.append(asdict(judge.scores(method)))
        if rows[-1]["error"]:
            say(f"{method}: {rows[-1]['error']}")
    agreement = judge.agreement()
    return {
        "clip": name,
        "answer": loaded.labels[judge.target],
        "planted": {"answer": loaded.labels[cause.target], "rise": cause.rise},
        "methods": rows,
        "agreement": {
            "methods": list(agreement.methods),
            "spearman": agreement.spearman.round(4).tolist(),
            "top_overlap": agreement.overlap.round(4).tolist(),
        },
    }


def _table(heading: dict, judged: list[dict], seed: int) -> dict:
    import numpy as np

    from analysis.attribution.faithfulness.judge import BETTER, MethodScores, league

    scores = [MethodScores(**row) for clip in judged for row in clip["methods"]]
    rows = league(scores, np.random.default_rng([seed, 3]))
    return {
        **heading,
        "better": BETTER,
        "league": [
            {
                "method": row.method,
                "errors": row.errors,
                **{name: one and asdict(one) for name, one in row.figures.items()},
            }
            for row in rows
        ],
        "agreement": _mean_agreement(judged),
        "clips": judged,
    }


def _mean_agreement(judged: list[dict]) -> dict | None:
    """Agreement averaged over clips; None where a method failed on some of them."""
    import numpy as np

    parts = [clip["agreement"] for clip in judged]
    if len({tuple(part["methods"]) for part in parts}) != 1:
        return None
    means = {
        name: np.mean([part[name] for part in parts], axis=0).round(4).tolist()
        for name in ("spearman", "top_overlap")
    }
    return {"methods": parts[0]["methods"], **means}


def _print(table: dict) -> None:
    settings, clips = table["settings"], table["clips"]
    print(
        f"{table['model']} ({table['training']}, {table['scan_order']}) · {len(clips)} clips · "
        f"{settings['score']}; deletion to {settings['deletion_baseline']}, insertion from "
        f"{settings['insertion_baseline']} · seed {settings['seed']} · mean [95 % of bootstrap "
        "means over clips]"
    )
    print_table(
        ("method", *_COLUMNS.values()),
        [(row["method"], *(_cell(row[name]) for name in _COLUMNS)) for row in table["league"]],
    )
    better = ", ".join(f"{_COLUMNS[name]} {table['better'][name]}" for name in _COLUMNS)
    print(f"\nBetter: {better}.")
    for row in table["league"]:
        if row["errors"]:
            print(f"{row['method']} could not answer on {row['errors']} clips.", file=sys.stderr)


def _cell(interval: dict | None) -> str | None:
    if interval is None:
        return None
    digits = 0 if interval["mean"] > 10 else 1 if interval["mean"] > 5 else 3
    mean, low, high = (f"{interval[name]:.{digits}f}" for name in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"
