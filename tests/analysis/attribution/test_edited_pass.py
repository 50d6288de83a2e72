"""The pass written out scan by scan answers as the model does, whole and with tokens left out."""

import pytest
import torch

from analysis.attribution.edited_pass import logits_of
from analysis.ops.scan_order import SCAN_ORDERS, layer_scans


@pytest.mark.parametrize("readout", ["cls", "mean"])
@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_without_edits_it_is_the_model(make_model, clips, scan_order, readout):
    model = make_model(scan_order=scan_order, readout=readout)
    with torch.no_grad():
        torch.testing.assert_close(logits_of(model, model.embed(clips)), model(clips))


def test_it_is_the_model_in_float32_too(make_model, clips):
    model = make_model(dtype=torch.float32)
    clips = clips.float()
    with torch.no_grad():
        torch.testing.assert_close(
            logits_of(model, model.embed(clips)), model(clips), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("readout", ["cls", "mean"])
@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_whole_frames_left_out_are_a_shorter_clip(make_model, clips, scan_order, readout):
    """A model of two frames reads the frames 0 and 2 of three as its own two: an oracle that
    knows nothing of visible tokens."""
    model = make_model(scan_order=scan_order, readout=readout)
    short = make_model(scan_order=scan_order, readout=readout, num_frames=2)
    kept = [0, 2]
    weights = model.state_dict()
    weights["temporal_pos_embedding"] = weights["temporal_pos_embedding"][:, kept]
    short.load_state_dict(weights)
    clips = clips[:1]
    grid = model.token_grid
    visible = torch.zeros(1, grid.length, dtype=torch.bool)
    visible[:, 0] = True
    visible[:, 1:].view(1, grid.t, -1)[:, kept] = True
    with torch.no_grad():
        tokens = model.embed(clips)[visible][None]
        found = logits_of(model, tokens, visible=visible)
        torch.testing.assert_close(found, short(clips[:, :, kept]))


def test_rows_may_leave_out_different_tokens(make_model, clips):
    model = make_model(scan_order="spatiotemporal_v2")
    generator = torch.Generator().manual_seed(0)
    patches = torch.rand(2, model.token_grid.patches, generator=generator).argsort(1) < 11
    visible = torch.cat([torch.ones(2, 1, dtype=torch.bool), patches], dim=1)
    assert not torch.equal(*patches)
    tokens = [tokens[row][None] for tokens, row in zip(model.embed(clips), visible, strict=True)]
    with torch.no_grad():
        together = logits_of(model, torch.cat(tokens), visible=visible)
        alone = [
            logits_of(model, one, visible=row[None])
            for one, row in zip(tokens, visible, strict=True)
        ]
    torch.testing.assert_close(together, torch.cat(alone))


def test_no_patch_left_is_a_mean_of_zero(make_model, clips):
    model = make_model(readout="mean")
    visible = torch.zeros(1, model.token_grid.length, dtype=torch.bool)
    visible[:, 0] = True
    with torch.no_grad():
        tokens = model.embed(clips[:1])[:, :1]
        found = logits_of(model, tokens, visible=visible)
    torch.testing.assert_close(found[0], model.head.bias.detach())


def test_the_plan_of_a_layer_is_read_from_the_model(make_model, clips):
    model = make_model()
    tokens = model.embed(clips[:1])
    with torch.no_grad():
        spatial = logits_of(model, tokens)
        model.layer_scans = layer_scans("temporal_first", len(model.layers))
        assert not torch.allclose(spatial, logits_of(model, tokens))
