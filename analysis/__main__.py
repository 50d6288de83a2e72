"""`python -m analysis`: everything the app shows, without the app."""

import argparse
import os
import sys

from analysis.commands import (
    bench,
    compare_scans,
    evaluate,
    evaluate_retrieval,
    explain,
    faithfulness,
    gpu_check,
    index,
    mask,
    mask_accuracy,
    mask_alignment,
    models,
    predict,
    profile,
    recipes,
    render_captions,
    search,
    study,
    train,
)
from analysis.ops.heap import keep_freed_memory


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis", description="Look inside video state-space models."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (
        predict,
        explain,
        faithfulness,
        compare_scans,
        mask,
        mask_accuracy,
        mask_alignment,
        models,
        bench,
        profile,
        gpu_check,
        train,
        evaluate,
        evaluate_retrieval,
        index,
        search,
        recipes,
        render_captions,
        study,
    ):
        command.register(commands)
    options = parser.parse_args(arguments)
    keep_freed_memory()
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output has enough; nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
