"""What stands beside MoMa and models with adaptors: their own parts taken away, and attention."""

from analysis.models import create_model, model_config
from analysis.profiling import attention_peers
from analysis.profiling.attention_peers import arithmetic_peers
from analysis.profiling.flops import model_arithmetic


def test_a_moma_stands_beside_its_clip_and_attention_of_its_size():
    fields = {"num_frames": 4, "num_classes": 5}
    clip, *others = arithmetic_peers("moma_debug", **fields)
    width, layers, tokens = 32, 2, 1 + 16
    products = 12 * width**2 * tokens + 2 * width * tokens**2
    stem, read_out = 3 * 64 * width * 16, width * 16
    assert clip.arithmetic.multiply_adds == 4 * (layers * products + stem + read_out) + 16 * 5
    titles = ["TimeSformer joint", "TimeSformer divided", "ViViT joint", "ViViT factorised"]
    assert [peer.title for peer in others] == [*titles, "ViT frame by frame"]
    joint = others[0].arithmetic
    blocks = {p.part: p.multiply_adds for p in joint.parts}
    assert blocks["attention_scores"] == layers * width * (1 + 4 * 16) ** 2


def test_moma_l14_stands_beside_attention_models_of_its_name(monkeypatch):
    """The peers counted beside it are those that a sweep measures."""
    fields = {"num_frames": 4, "num_classes": 5}
    asked = []
    monkeypatch.setattr(attention_peers, "model_arithmetic", lambda *given, **kw: asked.append(kw))
    peers = list(attention_peers.attention_peers("moma_l14", **fields))
    names = [peer.architecture.replace("tiny", "l14") for peer in peers]
    assert names == [
        *("timesformer_l14_joint", "timesformer_l14_divided"),
        *("vivit_l14_joint", "vivit_l14_factorised", "vit_l14"),
    ]
    for peer, name, found in zip(peers, names, asked, strict=True):
        assert model_config(peer.architecture, **found) == model_config(name, **fields)


def test_a_model_with_adaptors_stands_beside_its_host():
    host, *others = arithmetic_peers("videomamba_adaptor_debug")
    assert host.title == "the same without adaptors"
    assert host.arithmetic.parts == model_arithmetic("videomamba_debug").parts
    assert len(others) == 5
    (alone,) = arithmetic_peers("mamba_adaptor_debug")
    assert alone.arithmetic.parts == model_arithmetic("vmamba_debug").parts
    assert list(arithmetic_peers("vmamba_debug")) == []


def test_a_moma_s_scan_order_counts():
    two, four = (
        model_arithmetic("moma_debug", scan_order=order)
        for order in ("alternating", "spatiotemporal_v2")
    )
    assert 2 * two.added == four.added == model_arithmetic("moma_debug").added
    paths = create_model("moma_debug", scan_order="alternating").modulators[1].ssm.paths
    assert model_config("moma_debug", scan_order="alternating").layer_paths[1] == paths
