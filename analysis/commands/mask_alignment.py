"""`mask-alignment CLIP`: what a student says of the tokens a mask leaves, beside its teacher."""

import argparse

from analysis.commands.output import print_json, print_table, refused


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "mask-alignment",
        help="how well a student of masked pretraining says what its teacher saw",
        description="A mask hides tokens of the clip, the student sees the others, and what it "
        "says of each is compared with its teacher's token by the cosine.",
    )
    parser.add_argument("clip", metavar="CLIP", help="video file")
    parser.add_argument(
        "--student", metavar="NAME", help="weights of a student (the first that there is)"
    )
    parser.add_argument("--strategy", default="attention", help="of masking (attention)")
    parser.add_argument(
        "--ratio", type=float, default=0.8, help="share to hide, 0 to below 1 (0.8)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the mask (0)")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the cosines; exit code 1 with one sentence when they can't be had."""
    from analysis.video.limits import VideoError
    from analysis.weights import WeightsError

    try:
        report = _measured(options)
    except (VideoError, WeightsError, ValueError) as error:
        return refused(error, options.json, options.clip)
    if options.json:
        print_json(report)
    else:
        _print(report)
    return 0


def _measured(options: argparse.Namespace) -> dict:
    from analysis.masking.alignment_report import alignment_report, default_student
    from analysis.weights.students import load_student

    student = load_student(options.student or default_student())
    return alignment_report(student, options.clip, options.strategy, options.ratio, options.seed)


def _print(report: dict) -> None:
    """By frame; the tokens themselves are for --json."""
    t, h, w = report["grid"]
    print(
        f"{report['clip']} · {report['student']} ({report['training']}) · {report['num_frames']} "
        f"frames of {report['image_size']} pixels, {report['scan_order']} · {t} x {h} x {w} tokens"
    )
    print(f"teacher {report['teacher']} ({report['teacher_training']}): {report['teacher_note']}")
    print(
        f"{report['strategy']}, ratio {report['ratio']:g}, hidden {report['real_ratio']:.3f}, "
        f"{report['visible']} patches left, seed {report['seed']} · loss {report['loss']:.4g}"
    )
    for layer in report["layers"]:
        print(f"\nLayer {layer['layer']} beside layer {layer['teacher_layer']} of the teacher")
        rows = [
            ("visible tokens and CLS", layer["mean"]),
            ("CLS", layer["cls"]),
            ("with the other tokens' targets", layer["chance"]),
            ("the student before training", layer["untrained"]),
            *((f"time step {number}", mean) for number, mean in enumerate(layer["by_frame"])),
        ]
        print_table(("cosine with the teacher", "mean"), rows)
