"""The video-text model of a command: its options, and the model they name."""

import argparse

_DEFAULT = "videomamba_retrieval_mini.moving_objects"


def add_video_text_options(parser: argparse.ArgumentParser) -> None:
    """Options that choose weights, their setting and a device."""
    parser.add_argument(
        "--weights", default=_DEFAULT, metavar="NAME", help=f"a video-text model ({_DEFAULT})"
    )
    parser.add_argument("--weights-file", metavar="FILE", help="a checkpoint file to use instead")
    parser.add_argument("--frames", type=int, help="frames per clip (as trained)")
    parser.add_argument("--image-size", type=int, help="pixels a side (as trained)")
    parser.add_argument("--scan-order", help="scan order (as trained)")
    parser.add_argument("--device", help="cpu or cuda (a GPU where there is one)")


def load_video_text_model(options: argparse.Namespace):
    """The model on its device. Raises WeightsError, one sentence."""
    from analysis.commands.train import device_of
    from analysis.weights.retrieval import load_retrieval_model

    loaded = load_retrieval_model(
        options.weights,
        num_frames=options.frames,
        image_size=options.image_size,
        scan_order=options.scan_order,
        weights_file=options.weights_file,
    )
    loaded.model.to(device_of(options.device))
    return loaded
