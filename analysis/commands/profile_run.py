"""`profile run CLIP`: where the time and memory of one run go."""

import argparse
from pathlib import Path

from analysis.commands.output import print_json, print_table, refused
from analysis.commands.predict import DEFAULT_MODEL

OPERATORS_SHOWN = 12


def register_run(kinds: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = kinds.add_parser(
        "run",
        help="one run under torch.profiler, region by region",
        description="Runs a model on a clip under torch.profiler and says, for every region of the "
        "model, how much time and memory it took.",
    )
    parser.add_argument("clip", metavar="CLIP", help="video file")
    parser.add_argument(
        "--model", default=DEFAULT_MODEL, help=f"weights, or an architecture ({DEFAULT_MODEL})"
    )
    parser.add_argument(
        "--weights-file",
        type=Path,
        help="checkpoint for --model; of TimeSformer and ViViT in the layout of transformers",
    )
    parser.add_argument("--against", metavar="MODEL", help="a second model, and the difference")
    parser.add_argument("--frames", type=int, help="frames (the model's)")
    parser.add_argument("--image-size", type=int, help="pixels a side (the model's)")
    parser.add_argument("--scan-order", help="scan order (the model's)")
    parser.add_argument(
        "--attention-kernel", help="softmax or sdpa, of models that attend (the model's)"
    )
    parser.add_argument("--training", action="store_true", help="training steps, not inference")
    parser.add_argument(
        "--by-direction",
        action="store_true",
        help="one scan direction after the other where one kernel would run both",
    )
    parser.add_argument("--steps", type=int, default=3, help="profiled steps (3)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")
    parser.add_argument(
        "--out", type=Path, help="log folder for traces, which TensorBoard and Perfetto read"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run_profile_command)


def run_profile_command(options: argparse.Namespace) -> int:
    """Prints a table of regions per model; 1 with one sentence when it cannot be done."""
    from analysis.profiling.errors import ProfilingError
    from analysis.profiling.run_profile import compare_profiles
    from analysis.video.limits import VideoError
    from analysis.weights import WeightsError

    names = [options.model, *([options.against] if options.against else [])]
    try:
        done = [_profiled(name, options) for name in names]
    except (ProfilingError, VideoError, WeightsError) as error:
        return refused(error, options.json, options.clip)
    differences = compare_profiles(done[0][1], done[1][1]) if len(done) == 2 else ()
    if options.json:
        profiles = [subject.facts() | profile.row() for subject, profile in done]
        rows = [difference.row() for difference in differences]
        print_json({"clip": options.clip, "profiles": profiles, "differences": rows})
        return 0
    for subject, profile in done:
        _print_profile(subject, profile)
    if differences:
        _print_differences(differences, names)
    if options.out:
        print(f"Open it with: tensorboard --logdir {options.out}")
    return 0


def _profiled(name: str, options: argparse.Namespace):
    import torch

    from analysis.profiling.errors import ProfilingError
    from analysis.profiling.run_profile import load_subject, profile_pass, trace_path

    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise ProfilingError("there is no CUDA device here; choose --device cpu")
    subject = load_subject(
        name,
        options.clip,
        num_frames=options.frames,
        image_size=options.image_size,
        scan_order=options.scan_order,
        attention_kernel=options.attention_kernel if "." not in name else None,
        weights_file=options.weights_file if name == options.model else None,
    )
    kind = "training" if options.training else "inference"
    profile = profile_pass(
        subject.model.to(options.device),
        subject.clip,
        training=options.training,
        steps=options.steps,
        by_direction=options.by_direction,
        trace_file=trace_path(options.out, f"{name}-{kind}") if options.out else None,
    )
    return subject, profile


def _print_profile(subject, profile) -> None:
    step = "training step" if profile.training else "inference pass"
    print(
        f"{subject.name} ({subject.training}), {subject.frames} frames, L = {subject.tokens}, "
        f"{profile.dtype} on {profile.machine['device']}: {step} of "
        f"{profile.typical_step_ms:.4g} ms (without a profiler {profile.plain_step_ms:.4g} ms)"
    )
    print_table(
        ("region", "pass", "calls", "self (ms)", "share (%)", "taken (MB)", "peak (MB)"),
        [
            (
                cost.region,
                cost.pass_,
                cost.calls,
                cost.self_ms,
                100 * cost.share,
                cost.allocated_bytes / 1e6,
                cost.peak_bytes / 1e6,
            )
            for cost in profile.regions
        ],
    )
    print()
    print_table(
        ("operator", "region", "pass", "calls", "self (ms)", "share (%)"),
        [
            (cost.operator, cost.region, cost.pass_, cost.calls, cost.self_ms, 100 * cost.share)
            for cost in profile.operators[:OPERATORS_SHOWN]
        ],
    )
    print(f"Memory: {profile.memory_method}; peak {profile.peak_bytes / 1e6:.4g} MB.")
    if profile.fused_directions:
        print("scan: both directions, step sizes and gate in one kernel; see --by-direction.")
    if profile.trace_file:
        print(f"Trace: {profile.trace_file}")
    print()


def _print_differences(differences, names: list[str]) -> None:
    print_table(
        ("region", "pass", f"{names[0]} (ms)", f"{names[1]} (ms)", "difference (ms)"),
        [
            (row.region, row.pass_, row.first_ms, row.second_ms, row.difference_ms)
            for row in differences
        ],
    )
