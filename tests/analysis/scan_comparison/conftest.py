"""A debug-sized model with weights large enough that scan orders answer differently."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis.models import create_model
from analysis.prediction import SampledClip
from analysis.video.preprocess import video_preprocessing
from analysis.weights import LoadedModel, LoadReport, weights_card

LABELS = ("static", "pan left", "pan right", "zoom in", "zoom out")


@pytest.fixture
def loaded_debug():
    """Makes a LoadedModel around the debug model: `loaded_debug(training, trained_order)`."""

    def make(training: str = "toy", trained_order: str = "spatial_first", **overrides):
        model = create_model("videomamba_debug", scan_order=trained_order, **overrides).eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "A_" not in name:
                    parameter.normal_(0, 0.4, generator=generator)
        card = replace(
            weights_card("videomamba_mini.untrained"),
            name="videomamba_debug.here",
            training=training,
            scan_order=trained_order,
        )
        preprocessing = video_preprocessing(16)
        return LoadedModel(model, card, LABELS, preprocessing, LoadReport((), ()), "0")

    return make


@pytest.fixture
def sampled():
    clip = torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    return SampledClip(
        path="somewhere/clip one.mp4",
        info=None,
        pixels=np.zeros((4, 16, 16, 3), np.uint8),
        clip=clip,
        frame_indices=(0, 1, 2, 3),
        frame_times_s=(0.0, 0.1, 0.2, 0.3),
        decode_ms=1.0,
        decoder="none",
        note="",
    )
