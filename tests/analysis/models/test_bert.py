"""BERT and its fusion layers against the `transformers` library."""

import pytest
import torch
from torch import nn

from analysis.models.bert import Bert, BertConfig, BertForMaskedWords

transformers = pytest.importorskip("transformers")

SIZES = {
    "vocabulary_size": 50,
    "width": 24,
    "depth": 5,
    "heads": 3,
    "inner_width": 40,
    "positions": 12,
}
PRECISIONS = pytest.mark.parametrize(
    ("dtype", "bound"), [(torch.float32, 1e-5), (torch.float64, 1e-10)], ids=["single", "double"]
)


def their_config(**fields):
    config = transformers.BertConfig(
        vocab_size=50,
        hidden_size=24,
        num_hidden_layers=5,
        num_attention_heads=3,
        intermediate_size=40,
        max_position_embeddings=12,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        **fields,
    )
    config._attn_implementation = "eager"
    return config


def randomised(model, dtype=torch.float64):
    """Every tensor of it random, in evaluation mode."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3, generator=generator)
    return model.to(dtype).eval()


def renamed(state):
    """Ours has a buffer that theirs no longer saves."""
    return {**state, "embeddings.position_ids": torch.arange(12)[None]}


@pytest.fixture
def texts():
    """Token numbers of three texts and which of them are padding, none, some, most."""
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(1, 50, (3, 9), generator=generator)
    return tokens, torch.arange(9) >= torch.tensor([[9], [6], [2]])


def close(found, expected, bound):
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=bound, atol=bound)


@PRECISIONS
def test_layers_before_fusion_equal_those_of_transformers(texts, dtype, bound):
    theirs = randomised(transformers.BertModel(their_config(), add_pooling_layer=False), dtype)
    ours = Bert(BertConfig(**SIZES, fusion_layer=5)).to(dtype).eval()
    ours.load_state_dict(renamed(theirs.state_dict()))
    tokens, padding = texts
    with torch.inference_mode():
        expected = theirs(tokens, attention_mask=(~padding).long()).last_hidden_state
        found = ours.read(tokens, padding)
        close(found[~padding], expected[~padding], bound)
        close(ours.read(tokens), theirs(tokens).last_hidden_state, bound)


@PRECISIONS
def test_fusion_equals_cross_attention_of_transformers(texts, dtype, bound):
    """Layer by layer, since their cross-attention comes with a causal text, ours does not."""
    from transformers.models.bert.modeling_bert import BertLayer

    config = their_config(is_decoder=True, add_cross_attention=True)
    ours = randomised(Bert(BertConfig(**SIZES, fusion_layer=3, vision_width=16)), dtype)
    tokens, padding = texts
    video = torch.randn(3, 7, 16, generator=torch.Generator().manual_seed(2), dtype=dtype)
    hidden = torch.zeros(3, 1, 1, 9, dtype=dtype).masked_fill(padding[:, None, None], -1e9)
    with torch.inference_mode():
        expected = read = ours.read(tokens, padding)
        for layer in ours.encoder["layer"][3:]:
            theirs = BertLayer(config, layer_idx=0).to(dtype).eval()
            for name in ("key", "value"):
                projection = nn.Linear(16, 24, dtype=dtype)
                setattr(theirs.crossattention.self, name, projection)
            theirs.load_state_dict(layer.state_dict())
            expected = theirs(expected, hidden, encoder_hidden_states=video)
        close(ours.fuse(read, padding, video)[~padding], expected[~padding], bound)
        close(ours(tokens, padding, video)[~padding], expected[~padding], bound)


@PRECISIONS
def test_words_equal_those_of_transformers(texts, dtype, bound):
    theirs = transformers.BertForMaskedLM(their_config())
    theirs = randomised(theirs, dtype)
    ours = BertForMaskedWords(BertConfig(**SIZES, fusion_layer=5)).to(dtype).eval()
    state = {**theirs.state_dict(), "bert.embeddings.position_ids": torch.arange(12)[None]}
    ours.load_state_dict(state)
    tokens, padding = texts
    with torch.inference_mode():
        expected = theirs(tokens, attention_mask=(~padding).long()).logits
        close(ours(ours.bert.read(tokens, padding))[~padding], expected[~padding], bound)


def test_word_directions_are_the_embeddings():
    model = BertForMaskedWords(BertConfig(**SIZES, fusion_layer=5)).double()
    head = model.cls["predictions"]
    assert head.decoder.weight is model.bert.embeddings.word_embeddings.weight
    assert head.decoder.bias is head.bias
    names = dict(model.named_parameters())
    assert "cls.predictions.bias" in names
    assert not {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"} & names.keys()


def test_gradients_reach_every_parameter(texts):
    model = BertForMaskedWords(BertConfig(**SIZES, fusion_layer=3, vision_width=16)).double()
    video = torch.randn(3, 7, 16, dtype=torch.float64)
    model(model.bert(*texts, video)).square().sum().backward()
    assert not {name for name, p in model.named_parameters() if not p.grad.any()}


def test_padding_has_no_influence(texts):
    model = randomised(Bert(BertConfig(**SIZES, fusion_layer=3, vision_width=16)))
    video = torch.randn(3, 7, 16, dtype=torch.float64)
    tokens, padding = texts
    other = torch.where(padding, 1 + tokens % 49, tokens)
    with torch.inference_mode():
        first, second = (model(numbers, padding, video) for numbers in (tokens, other))
        short = model(tokens[2:, :2], None, video[2:])
    torch.testing.assert_close(first[~padding], second[~padding], rtol=0, atol=1e-12)
    torch.testing.assert_close(first[2:, :2], short, rtol=0, atol=1e-12)
    assert not torch.equal(first, second)


def test_one_video_serves_all_texts(texts):
    model = randomised(Bert(BertConfig(**SIZES, fusion_layer=3, vision_width=16)))
    video = torch.randn(1, 7, 16, dtype=torch.float64)
    with torch.inference_mode():
        expected = model(*texts, video.repeat(3, 1, 1))
        torch.testing.assert_close(model(*texts, video), expected, rtol=0, atol=1e-12)
        assert not torch.allclose(model(*texts, video + 1), expected)


def test_dropout_is_for_training_only(texts):
    model = Bert(BertConfig(**SIZES, fusion_layer=3, vision_width=16))
    video = torch.randn(3, 7, 16)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert not torch.equal(model(*texts, video), model(*texts, video))
        model.eval()
        assert torch.equal(model(*texts, video), model(*texts, video))


def test_the_base_size_is_the_published_one():
    """The library's defaults are those of bert-base-uncased."""
    theirs, ours = transformers.BertConfig(), BertConfig()
    assert (ours.width, ours.depth, ours.heads, ours.inner_width) == (
        theirs.hidden_size,
        theirs.num_hidden_layers,
        theirs.num_attention_heads,
        theirs.intermediate_size,
    )
    assert (ours.vocabulary_size, ours.positions) == (
        theirs.vocab_size,
        theirs.max_position_embeddings,
    )
    assert ours.dropout == theirs.hidden_dropout_prob == theirs.attention_probs_dropout_prob


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"heads": 5}, "a width of 24 can't be shared by 5 heads"),
        ({"fusion_layer": 6}, "fusion can't begin at layer 6 of 5; choose 0 to 5"),
    ],
)
def test_impossible_encoders_are_one_sentence(fields, message):
    with pytest.raises(ValueError, match=message):
        BertConfig(**{**SIZES, **fields})


def test_texts_that_are_too_long_are_one_sentence():
    with pytest.raises(ValueError, match="a text of 13 tokens was given; the longest has 12"):
        Bert(BertConfig(**SIZES, fusion_layer=5)).read(torch.zeros(1, 13, dtype=torch.long))
