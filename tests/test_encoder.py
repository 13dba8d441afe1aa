"""From 4-bit weights to unit vectors."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from rag import e5
from rag.encoder import open_encoder
from rag.errors import ModelCorrupt, ModelMissing
from rag.settings import read_settings
from rag.types import TokenEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rag.types import Encoder

TINY = e5.Shape(
    hidden=64, layers=2, heads=2, feed_forward=128, vocabulary=40, positions=16, token_types=2, epsilon=1e-12
)
TEXTS = [
    "Die Verhandlungen dauerten viereinhalb Stunden und endeten ohne Ergebnis.",
    "Straße, Größe, Öl: 3,5 Mrd. Euro (z. B. am 18. Februar)",
    "Who attended the meeting?",
    "Кто участвовал в переговорах?",
    "Toplantıya kimler katıldı?",
    "東京の会議には誰が出席しましたか。",
    "  zwei  Leerzeichen\tund\nZeilen  ",
    "ﬁ ½ ① Ａ e\u0301 \u200b ‚Zitat‘ „so“ 👩‍👩‍👧 <s> </s> <mask>",
    "",
]


# --- the weights file --------------------------------------------------------------------------


def blocks(values: NDArray[np.float32]) -> bytes:
    """Rows of 32 weights as float16 scale and nibbles, the way the format says."""
    out = bytearray()
    for row in values.reshape(-1, 32):
        scale = np.float16(np.abs(row).max() / 7 or 1)
        nibbles = np.clip(np.rint(row / np.float32(scale)) + 8, 0, 15).astype(np.uint8)
        out += scale.tobytes() + (nibbles[:16] | nibbles[16:] << 4).tobytes()
    return bytes(out)


def tiny_tensors(random: np.random.Generator) -> dict[str, tuple[int, int, bytes]]:
    """(kind, count, bytes) of every tensor of a small encoder."""

    def floats(count: int, centre: float = 0.0) -> tuple[int, int, bytes]:
        return e5.FLOAT32, count, (centre + 0.1 * random.standard_normal(count)).astype("<f4").tobytes()

    def matrix(rows: int, columns: int) -> tuple[int, int, bytes]:
        values = random.standard_normal(rows * columns).astype(np.float32) / np.sqrt(columns)
        return e5.BLOCKS, rows * columns, blocks(values)

    wide, inner = TINY.hidden, TINY.feed_forward
    tensors = {"emb.word": matrix(TINY.vocabulary, wide)}
    tensors |= {"emb.pos": floats(TINY.positions * wide), "emb.type": floats(TINY.token_types * wide)}
    tensors |= {"emb.ln.w": floats(wide, 1.0), "emb.ln.b": floats(wide)}
    for layer in range(TINY.layers):
        sizes = {"q": (wide, wide), "k": (wide, wide), "v": (wide, wide), "ao": (wide, wide)}
        for name, (rows, columns) in (sizes | {"fi": (inner, wide), "fo": (wide, inner)}).items():
            tensors |= {f"l{layer}.{name}.w": matrix(rows, columns), f"l{layer}.{name}.b": floats(rows)}
        for name in ("aln", "oln"):
            tensors |= {f"l{layer}.{name}.w": floats(wide, 1.0), f"l{layer}.{name}.b": floats(wide)}
    return tensors


def weights_file(path: Path, tensors: dict[str, tuple[int, int, bytes]]) -> Path:
    head = e5.HEADER.pack(
        e5.MAGIC, 1, TINY.hidden, TINY.layers, TINY.heads, TINY.feed_forward, TINY.vocabulary,
        TINY.positions, TINY.token_types, TINY.epsilon, e5.BLOCK,
    )  # fmt: skip
    head += e5.TOKENIZER.pack(2, 0, 2, 1, 3, 5) + b"\0" * (4 * 3 + 4 * 2) + b"abcde"
    head += e5.NORMALISER.pack(1, 4) + b"norm" + struct.pack("<i", len(tensors))
    size = len(head) + sum(2 + len(name) + e5.TENSOR.size for name in tensors)
    table, body = b"", b""
    for name, (kind, count, content) in tensors.items():
        table += struct.pack("<H", len(name)) + name.encode()
        table += e5.TENSOR.pack(kind, count, size + len(body), len(content))
        body += content
    path.write_bytes(head + table + body)
    return path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights of a small encoder and the ONNX form built from them."""
    folder = tmp_path_factory.mktemp("tiny")
    path = weights_file(folder / "tiny.bin", tiny_tensors(np.random.default_rng(0)))
    graph, data = e5.onnx_model(e5.read_weights(path), "model.onnx_data")
    (folder / "model.onnx").write_bytes(graph)
    (folder / "model.onnx_data").write_bytes(data)
    return folder


def test_weights_are_read_as_the_format_says(tiny: Path) -> None:
    weights = e5.read_weights(tiny / "tiny.bin")
    assert weights.shape.hidden == 64
    assert weights.shape.epsilon == pytest.approx(1e-12)
    assert len(weights.tensors) == len(tiny_tensors(np.random.default_rng(0)))
    assert weights.tensors["emb.word"].floats().size == 40 * 64


@run(max_examples=40, deadline=None)
@given(st.floats(-2, 2, width=16), st.binary(min_size=16, max_size=16))
def test_every_block_decodes_to_nibble_minus_eight_times_scale(scale: float, packed: bytes) -> None:
    raw = np.frombuffer(np.float16(scale).tobytes() + packed, np.uint8)
    expected = [(byte & 15) - 8 for byte in packed] + [(byte >> 4) - 8 for byte in packed]
    np.testing.assert_array_equal(
        e5._tensor("any", e5.BLOCKS, 32, raw).floats(), np.float32(expected) * scale
    )


@pytest.mark.parametrize("keep", [0, 3, 40, 90, 400])
def test_a_file_cut_short_is_corrupt(tiny: Path, tmp_path: Path, keep: int) -> None:
    path = tmp_path / "short.bin"
    path.write_bytes((tiny / "tiny.bin").read_bytes()[:keep])
    with pytest.raises(ModelCorrupt, match=r"short\.bin"):
        e5.read_weights(path)


# --- the graph ---------------------------------------------------------------------------------


def states(folder: Path, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"input_ids": ids, "attention_mask": mask})[0])


def float_states(weights: e5.Weights, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    """The same encoder in float32, by transformers."""
    import torch
    from transformers import BertConfig, BertModel

    shape = weights.shape
    config = BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.positions,
        layer_norm_eps=shape.epsilon,
    )
    with torch.device("meta"):  # nothing is initialised: every weight comes from the file
        model = BertModel(config, add_pooling_layer=False).eval()
    ours = {
        "emb.word": "word_embeddings",
        "emb.pos": "position_embeddings",
        "emb.type": "token_type_embeddings",
    }
    names = {f"{old}": f"embeddings.{new}.weight" for old, new in ours.items()}
    parts = {"emb.ln": "embeddings.LayerNorm"}
    for layer in range(shape.layers):
        inside = {
            "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
            "ao": "attention.output.dense", "aln": "attention.output.LayerNorm",
            "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
        }  # fmt: skip
        parts |= {f"l{layer}.{old}": f"encoder.layer.{layer}.{new}" for old, new in inside.items()}
    for old, new in parts.items():
        names |= {f"{old}.w": f"{new}.weight", f"{old}.b": f"{new}.bias"}
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    values = {
        new: torch.from_numpy(weights.tensors[old].floats().reshape(shapes[new]))
        for old, new in names.items()
    }
    model.load_state_dict(values, assign=True)
    with torch.no_grad():
        output = model(
            input_ids=torch.from_numpy(ids),
            attention_mask=torch.from_numpy(mask),
            token_type_ids=torch.zeros(ids.shape, dtype=torch.long),
            position_ids=torch.arange(ids.shape[1])[None],
        )
    return np.asarray(output.last_hidden_state)


def cosines(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row by row, over the last axis."""
    length = np.linalg.norm(left, axis=-1) * np.linalg.norm(right, axis=-1)
    return np.asarray((left * right).sum(axis=-1) / length, np.float32)


@pytest.mark.slow
def test_the_int8_graph_computes_what_transformers_does(tiny: Path) -> None:
    ids = np.array([[0, 5, 6, 7, 2], [0, 9, 2, 1, 1]])
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    found = states(tiny, ids, mask)
    assert found.shape == (2, 5, 64)
    expected = float_states(e5.read_weights(tiny / "tiny.bin"), ids, mask)
    assert cosines(found, expected)[mask == 1].min() > 0.99


def test_padding_does_not_reach_the_other_tokens(tiny: Path) -> None:
    alone = states(tiny, np.array([[0, 9, 2]]), np.array([[1, 1, 1]]))
    padded = states(tiny, np.array([[0, 9, 2, 1, 1]]), np.array([[1, 1, 1, 0, 0]]))
    assert cosines(alone, padded[:, :3]).min() > 0.99


def test_the_same_weights_give_the_same_bytes(tiny: Path) -> None:
    weights = e5.read_weights(tiny / "tiny.bin")
    assert e5.onnx_model(weights, "model.onnx_data")[0] == (tiny / "model.onnx").read_bytes()
    assert e5.onnx_model(weights, "model.onnx_data")[1] == (tiny / "model.onnx_data").read_bytes()


def test_no_weight_can_overflow_the_kernel_of_older_cpus(tiny: Path) -> None:
    import onnx

    model = onnx.load(tiny / "model.onnx")
    matrices = [onnx.numpy_helper.to_array(item) for item in model.graph.initializer if item.data_type == 3]
    assert max(int(np.abs(matrix.astype(int)).max()) for matrix in matrices) == e5.LARGEST_WEIGHT
    assert 2 * 255 * e5.LARGEST_WEIGHT <= np.iinfo(np.int16).max


# --- opening -----------------------------------------------------------------------------------


def test_a_name_that_is_neither_model_nor_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="modules.json"):
        open_encoder(read_settings(encoder=str(tmp_path / "nothing")))


def test_a_folder_that_does_not_load_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(ModelCorrupt, match="does not load"):
        open_encoder(read_settings(encoder=str(tmp_path)))


# --- the real one ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encoder() -> Iterator[Encoder]:
    yield open_encoder(read_settings())


def folder_of(encoder: Encoder) -> Path:
    return read_settings().models / encoder.name


@pytest.mark.models
def test_vectors_are_unit_float32_and_empty_input_gives_no_rows(encoder: Encoder) -> None:
    vectors = encoder.encode_passages(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert encoder.encode_questions([]).shape == (0, 384)


@pytest.mark.models
def test_a_vector_does_not_depend_on_its_neighbours(encoder: Encoder) -> None:
    together = encoder.encode_passages(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_array_equal(encoder.encode_passages([text])[0], vector)


@pytest.mark.models
def test_a_question_asked_again_has_the_same_vector_whatever_became_of_the_first(encoder: Encoder) -> None:
    first = encoder.encode_questions(["Who opened the harbour?"])
    kept = first.copy()
    first[:] = 0
    assert np.array_equal(encoder.encode_questions(["Who opened the harbour?"]), kept)


@pytest.mark.models
def test_threads_may_count_and_encode_at_once(encoder: Encoder) -> None:
    expected = encoder.encode_passages(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        counts = [pool.submit(encoder.count_tokens, TEXTS) for _ in range(20)]
        vectors = [pool.submit(encoder.encode_passages, TEXTS) for _ in range(5)]
    assert all(count.result() == encoder.count_tokens(TEXTS) for count in counts)
    for vector in vectors:
        np.testing.assert_array_equal(vector.result(), expected)


@pytest.mark.models
def test_questions_and_passages_have_prefixes_of_their_own(encoder: Encoder) -> None:
    question = encoder.encode_questions(["Wer nahm teil?"])
    assert float((question @ encoder.encode_passages(["Wer nahm teil?"]).T)[0, 0]) < 0.99


@pytest.mark.models
def test_an_answer_is_nearer_than_another_topic_in_any_language(encoder: Encoder) -> None:
    found = encoder.encode_passages([TEXTS[0], "Für den Teig werden Mehl, Eier und Milch verrührt."])
    for question in ("Wie lange dauerten die Gespräche?", "How long did the talks last?"):
        right, wrong = encoder.encode_questions([question])[0] @ found.T
        assert right > wrong


@pytest.mark.models
def test_tokens_are_those_of_the_tokenizer_file(encoder: Encoder) -> None:
    import tokenizers

    reader = tokenizers.Tokenizer.from_file(str(folder_of(encoder) / "tokenizer.json"))
    loaded: Any = encoder._model.tokenizer  # type: ignore[attr-defined]
    for text in TEXTS:
        assert loaded(text)["input_ids"] == reader.encode(text).ids
    plain = [len(reader.encode(text, add_special_tokens=False).ids) for text in TEXTS]
    assert encoder.count_tokens(TEXTS) == plain
    assert encoder.count_tokens(["Wort " * 2000])[0] >= 2000


@pytest.mark.models
def test_the_end_of_a_text_too_long_is_not_seen(encoder: Encoder) -> None:
    long = "Wort " * 600
    np.testing.assert_array_equal(encoder.encode_passages([long]), encoder.encode_passages([long + "Ende"]))


@pytest.mark.models
def test_int8_vectors_are_near_float32(encoder: Encoder) -> None:
    import tokenizers

    folder = folder_of(encoder)
    if not (folder / "e5-small-q4.bin").is_file():
        pytest.skip("the hub's int8 weights come without their float32 form")
    reader = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    weights = e5.read_weights(folder / "e5-small-q4.bin")
    reader.enable_padding(pad_id=1)
    encodings = reader.encode_batch([f"passage: {text}" for text in TEXTS])
    ids = np.array([encoding.ids for encoding in encodings])
    mask = np.array([encoding.attention_mask for encoding in encodings])
    means = (float_states(weights, ids, mask) * mask[..., None]).sum(axis=1)
    assert cosines(means, encoder.encode_passages(TEXTS)).min() > 0.99


@pytest.mark.models
def test_the_fingerprint_stays_and_tells_folders_apart(encoder: Encoder, tmp_path: Path) -> None:
    folder = folder_of(encoder)
    for path in folder.rglob("*"):
        copy = tmp_path / path.relative_to(folder)
        if path.is_dir():
            copy.mkdir()
        elif path.suffix != ".bin":
            copy.symlink_to(path)
    assert open_encoder(read_settings(encoder=str(tmp_path))).fingerprint == encoder.fingerprint
    prompts = tmp_path / "config_sentence_transformers.json"
    changed = prompts.read_text().replace("passage: ", "text: ")
    prompts.unlink()
    prompts.write_text(changed)
    assert open_encoder(read_settings(encoder=str(tmp_path))).fingerprint != encoder.fingerprint


@pytest.mark.models
def test_tokens_have_vectors_of_their_own_without_prefix_and_ends(encoder: Encoder) -> None:
    assert isinstance(encoder, TokenEncoder)
    tokens = encoder.encode_tokens(TEXTS)
    assert [len(vectors) for vectors in tokens] == encoder.count_tokens(TEXTS)
    for vectors in tokens:
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert encoder.encode_tokens([]) == []
