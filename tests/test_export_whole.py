"""The decoder's graph in a loop: what the plain one says step by step, to the bit, and it ends in time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

import toy
from clipstr.decoding import Follower, greedy
from clipstr.decoding.assembly import chosen
from clipstr.engine import Session
from clipstr.export.compression import Precision, compressed
from clipstr.export.graphs import decoder_graph, encoder_graph
from clipstr.export.whole import whole_decoder
from clipstr.exported import ExportedModel, KeysAndValues
from clipstr.models import DECODER_FILE, ENCODER_FILE, ModelConfig
from clipstr.student import TINY, Recogniser
from clipstr.student.scorer import StudentScorer


@dataclass(frozen=True)
class Stepwise:
    """A `Memory` that cannot go on by itself."""

    memory: KeysAndValues

    def __len__(self) -> int:
        return len(self.memory)

    def rows(self, rows: object) -> Stepwise:
        return Stepwise(self.memory.rows(rows))  # type: ignore[arg-type]

    def logits(self, ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        return self.memory.logits(ids, positions)


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> KeysAndValues:
    """The toy in a loop, as it has looked at three words of six, two and no letters."""
    folder = toy.write_toy(tmp_path_factory.mktemp("toy") / "toy", whole=True)
    config = ModelConfig.load(folder)
    pictures = [np.asarray(toy.spelled(text)) for text in ("fedcba", "ha", "")]
    model = ExportedModel.open(config, folder, threads=1)
    return model.look(config.form.preprocessing.normalise(np.stack(pictures)))


def begun(count: int) -> np.ndarray:
    return np.full((count, 1), toy.CHARSET.begin)


def follow(
    memory: KeysAndValues, ids: np.ndarray, steps: int, allowed: np.ndarray | None = None
) -> np.ndarray:
    assert isinstance(memory, Follower)
    return memory.follow(ids, steps, allowed)


def test_a_text_goes_on_until_it_ends_or_has_its_steps(looked: KeysAndValues) -> None:
    long, short = looked.rows([0]), looked.rows([1])
    assert follow(long, begun(1), 7).argmax(-1).tolist() == [[6, 5, 4, 3, 2, 1, 0]]
    assert follow(long, begun(1), 3).argmax(-1).tolist() == [[6, 5, 4]]
    assert follow(short, begun(1), 7).argmax(-1).tolist() == [[8, 1, 0]]
    begun_already = np.array([[toy.CHARSET.begin, 6, 5]])
    assert follow(long, begun_already, 2).argmax(-1).tolist() == [[4, 3]]


def test_it_ends_once_half_of_the_texts_have(looked: KeysAndValues) -> None:
    assert follow(looked, begun(3), 7).shape[1] == 3  # the empty one and the short one
    assert follow(looked.rows([0, 2]), begun(2), 7).shape[1] == 1
    assert follow(looked.rows([0, 0, 0, 1]), begun(4), 7).shape[1] == 7


def test_only_allowed_characters_are_taken_and_logits_stay_the_models_own(looked: KeysAndValues) -> None:
    allowed = np.zeros(toy.CHARSET.num_classes, bool)
    allowed[[0, 2, 4]] = True
    row = looked.rows([0])
    found = follow(row, begun(1), 3, allowed)
    taken = np.where(allowed, found, -np.inf).argmax(-1)[0]
    assert taken.tolist() == [4, 4, 4]
    told = np.array([[toy.CHARSET.begin, *taken[:2]]])
    np.testing.assert_array_equal(found, row.logits(told, np.arange(3)))


def test_fed_no_more_than_the_plain_graph_it_says_the_same(looked: KeysAndValues) -> None:
    step = toy.decoder()
    in_a_loop = whole_decoder(step, end=toy.CHARSET.end)
    for ids, positions in (([[9]], [0]), ([[9, 3, 4]], [0, 2]), ([[9, 1, 1, 5]], [3])):
        feeds = {"ids": np.array(ids), "positions": np.array(positions), **looked.rows([0]).tensors}
        plain, whole = (Session(g.SerializeToString()).run(feeds)["logits"] for g in (step, in_a_loop))
        np.testing.assert_array_equal(whole, plain)
        assert plain.shape == (1, len(positions), toy.CHARSET.num_classes)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_recogniser_reads_the_same_to_the_bit_as_step_by_step(precision: Precision, tmp_path: Path) -> None:
    torch.manual_seed(3)
    student = Recogniser(replace(TINY, width=48, encoder_heads=2, decoder_heads=2, max_length=9, dropout=0.0))
    images = 3 * np.random.default_rng(0).standard_normal((12, 3, 32, 128)).astype(np.float32)
    form = student.config.form
    with torch.no_grad():
        for weight in student.parameters():
            weight.mul_(3)  # what it reads depends on the picture
        student.eval().head.bias[0] -= 1e3
        endless = greedy(StudentScorer(student).look(images), form)
        # One character in six is less likely than the end: texts of several lengths.
        student.head.bias[0] += float(np.quantile(endless[..., 1:].max(-1) - endless[..., 0], 1 / 6))
    step = compressed(decoder_graph(student), precision)
    graphs = (compressed(encoder_graph(student), precision), whole_decoder(step, end=form.charset.end))
    for name, graph in zip((ENCODER_FILE, DECODER_FILE), graphs, strict=True):
        (tmp_path / name).write_bytes(graph.SerializeToString())
    sessions = [Session(tmp_path / name, threads=1) for name in (ENCODER_FILE, DECODER_FILE)]
    model = ExportedModel(form, *sessions, name="small")
    for batch in (images[:1], images):
        memory = model.look(batch)
        expected = greedy(Stepwise(memory), form)
        np.testing.assert_array_equal(greedy(memory, form), expected)
    lengths = {len(chosen(row, form.charset)) for row in expected}
    assert len(lengths) > 2
