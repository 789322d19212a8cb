"""`clipstr.reader`: an exported model whose every probability is known (`toy`) is read exactly so."""

from __future__ import annotations

import io
import logging
import pickle
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rapidfuzz.distance import Levenshtein

import clipstr
import toy
from clipstr.charset import Charset
from clipstr.decoding import Decoder, Scorer
from clipstr.devices import CPU, DEVICES
from clipstr.engine import Session
from clipstr.errors import (
    CharsetError,
    DeviceError,
    ImageError,
    ImageNotFoundError,
    InputError,
    LexiconError,
    ModelFileError,
    ModelNotFoundError,
    NotAnImageError,
)
from clipstr.exported import BATCHES, KeysAndValues
from clipstr.models import ModelConfig
from clipstr.providers import problem_with
from clipstr.reader import Outcome, Reader
from clipstr.reading import Reading, WordReader

TOLERANCE = 1e-5


@pytest.fixture(scope="module", params=["step by step", "whole texts"])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """It looks once, so that the oracle knows what it sees; `test_looking` has more looks."""
    folder = toy.write_toy(tmp_path_factory.mktemp("toy") / "toy", whole=request.param == "whole texts")
    return Reader(folder, threads=1, second_looks=False)


def random_levels(count: int, seed: int = 0) -> list[list[float]]:
    """Stripes between ids: doubtful pictures of every length, some without an end."""
    rng = np.random.default_rng(seed)
    greys = [rng.integers(0, 200, rng.integers(0, toy.STRIPES + 1)) for _ in range(count)]
    # Not in the middle between two ids: neither could be called the likelier one.
    return [[float(g + (g % toy.STEP == toy.STEP // 2)) / toy.STEP for g in row] for row in greys]


def assert_as_the_oracle(reading: Reading, levels: Sequence[float], allowed: str | None = None) -> None:
    text, chances, end = toy.greedy(levels, allowed)
    assert reading.text == text
    assert [c.text for c in reading.characters] == list(text)
    assert [c.confidence for c in reading.characters] == pytest.approx(chances, abs=TOLERANCE)
    assert reading.confidence == pytest.approx(np.prod([*chances, end]), abs=TOLERANCE)


def test_texts_and_probabilities_are_those_of_the_oracle(reader: Reader) -> None:
    pictures = random_levels(100)
    for reading, levels in zip(reader.read([toy.picture(p) for p in pictures]), pictures, strict=True):
        assert_as_the_oracle(reading, levels)


@pytest.mark.parametrize("text", ["", "a", "hh", "abcdef", "fedcba", "aaaaaa"])
def test_words_of_no_letter_one_letter_and_the_most_letters_are_read(reader: Reader, text: str) -> None:
    assert reader.read(toy.spelled(text)).text == text


def test_a_word_that_never_ends_is_cut_at_the_longest_and_its_confidence_tells(reader: Reader) -> None:
    endless = [1, 2, 3, 4, 5, 6, 7]
    reading = reader.read(toy.picture(endless))
    assert reading.text == "abcdef"
    assert_as_the_oracle(reading, endless)
    assert reading.confidence < TOLERANCE


@pytest.mark.parametrize("batch_size", [1, 2, 7, 64])
def test_readings_come_in_order_and_do_not_depend_on_the_batch(toy_model: Path, batch_size: int) -> None:
    pictures = random_levels(45, seed=batch_size)
    once = Reader(toy_model, threads=1, batch_size=batch_size, second_looks=False)
    readings = once.read([toy.picture(p) for p in pictures])
    for reading, levels in zip(readings, pictures, strict=True):
        assert_as_the_oracle(reading, levels)


def test_one_long_word_does_not_keep_the_others_in_the_batch(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []
    decoded = KeysAndValues._decoded

    def counted(self: KeysAndValues, feeds: dict[str, np.ndarray]) -> np.ndarray:
        logits = decoded(self, feeds)
        rows.extend([len(feeds["ids"])] * logits.shape[1])
        return logits

    monkeypatch.setattr(KeysAndValues, "_decoded", counted)
    words = ["a", "ab", "b", "abcdef", "h", "g", "fe", "c"]
    assert [r.text for r in reader.read([toy.spelled(word) for word in words])] == words
    assert rows[0] == len(words)
    assert rows[-1] == 1
    assert sum(rows) <= 2 * sum(len(word) + 1 for word in words)


@pytest.mark.parametrize("allow", ["bdf", "FDB", "a"])
def test_only_allowed_characters_are_read_with_the_models_own_probabilities(
    toy_model: Path, allow: str
) -> None:
    limited = Reader(toy_model, threads=1, allow=allow, second_looks=False)
    pictures = random_levels(40, seed=9)
    for reading, levels in zip(limited.read([toy.picture(p) for p in pictures]), pictures, strict=True):
        assert_as_the_oracle(reading, levels, allow.lower())
        free, chances, end = toy.greedy(levels)
        assert reading.match is not None
        assert reading.match.free_text == free
        assert reading.match.distance == Levenshtein.distance(free, reading.text)
        assert reading.match.free_confidence == pytest.approx(np.prod([*chances, end]), abs=TOLERANCE)


def test_a_limit_to_some_characters_makes_no_word_likelier(reader: Reader) -> None:
    free = reader.read(toy.spelled("head"))
    right = reader.restricted(allow="ahed").read(toy.spelled("head"))
    wrong = reader.restricted(allow="bc").read(toy.spelled("head"))
    assert (right.text, right.confidence) == (free.text, free.confidence)
    assert wrong.confidence < 0.01
    assert wrong.match is not None
    assert (wrong.match.free_text, wrong.match.free_confidence) == (free.text, free.confidence)


def test_a_character_outside_the_alphabet_cannot_be_allowed(toy_model: Path) -> None:
    with pytest.raises(CharsetError, match="z"):
        Reader(toy_model, allow="abz")


@pytest.mark.parametrize("allow", [None, "abcdef"])
def test_with_a_lexicon_the_word_with_the_highest_probability_is_read(
    reader: Reader, allow: str | None
) -> None:
    rng = np.random.default_rng(1)
    for count, levels in zip((1, 2, 30, 300) * 5, random_levels(20, seed=2), strict=True):
        words = ["".join(rng.choice(list("abcdef"), rng.integers(1, 7))) for _ in range(count)]
        reading = reader.restricted(allow=allow, lexicon=words).read(toy.picture(levels))
        scores = {word: toy.chance_of(word, levels) for word in words}
        assert scores[reading.text] == pytest.approx(max(scores.values()), rel=1e-4)
        assert reading.confidence == pytest.approx(scores[reading.text], rel=1e-4)
        assert reading.match is not None
        assert reading.match.free_text == toy.greedy(levels)[0]


def test_the_lexicons_word_is_given_as_the_list_spells_it_and_with_its_distance(reader: Reader) -> None:
    reading = reader.restricted(lexicon=["Hägg", "dead", "fee"]).read(toy.spelled("hagh"))
    assert reading.text == "Hägg"
    assert "".join(c.text for c in reading.characters) == "hagg"
    assert reading.match is not None
    assert (reading.match.free_text, reading.match.distance) == ("hagh", 1)


def test_a_lexicon_with_nothing_to_read_is_an_error_and_a_partly_readable_one_is_told(
    reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    for allow, words in ((None, ["xyz", "abcdefgh"]), ("ab", ["cde"])):
        with pytest.raises(LexiconError):
            reader.restricted(allow=allow, lexicon=words)
    with caplog.at_level(logging.WARNING, logger="clipstr"):
        reader.restricted(lexicon=["abc", "xyz", "abcdefgh"])
    assert [record.getMessage() for record in caplog.records] == [
        "2 words of the lexicon cannot be read and are left out: 1 remain; the alphabet lacks x y z"
    ]


def test_a_restricted_reader_leaves_the_first_one_as_it_was(reader: Reader) -> None:
    assert reader.restricted(allow="a", lexicon=["aa"], second_looks=True).second_looks
    assert not reader.restricted().second_looks
    assert not reader.second_looks
    assert reader.read(toy.spelled("hegab")).text == "hegab"


def test_every_kind_of_source_is_read(reader: Reader, tmp_path: Path) -> None:
    picture = toy.spelled("cafe")
    path = tmp_path / "cafe.png"
    picture.save(path)
    content = path.read_bytes()
    for source in (path, str(path), content, io.BytesIO(content), picture, np.asarray(picture)):
        assert reader.read(source).text == "cafe"
    assert reader.read([]) == []
    assert [r.text for r in reader.read((path, content))] == ["cafe", "cafe"]
    assert [r.text for r in reader.read_images(iter([picture, np.asarray(picture)]))] == ["cafe", "cafe"]


def test_a_reader_is_a_word_reader_with_the_models_name(reader: Reader) -> None:
    face: WordReader = reader
    assert face.name == "toy"


def test_reading_a_bad_picture_raises_and_one_in_a_list_too(reader: Reader) -> None:
    with pytest.raises(ImageNotFoundError):
        reader.read("missing.png")
    with pytest.raises(NotAnImageError):
        reader.read([toy.spelled("a"), b"no picture"])


def test_a_stream_tells_of_bad_pictures_and_goes_on_in_order(reader: Reader) -> None:
    sources: list[Image.Image | bytes | str] = []
    for number, levels in enumerate(random_levels(50, seed=3)):
        sources.append(toy.picture(levels))
        if number % 3 == 0:
            sources.append(b"bad")
        if number % 7 == 0:
            sources.append(f"missing {number}.png")
    outcomes = list(reader.stream(sources))
    assert [outcome.source for outcome in outcomes] == sources
    pictures = iter(random_levels(50, seed=3))
    for outcome in outcomes:
        if isinstance(outcome.source, Image.Image):
            assert outcome.error is None
            assert outcome.reading is not None
            assert_as_the_oracle(outcome.reading, next(pictures))
        else:
            assert outcome.reading is None
            assert isinstance(outcome.error, ImageError)


def test_a_stream_may_begin_with_a_whole_batch(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    read = Decoder.read

    def counted(self: Decoder, scorer: Scorer, pixels: Sequence[np.ndarray]) -> list[Reading]:
        sizes.append(len(pixels))
        return read(self, scorer, pixels)

    monkeypatch.setattr(Decoder, "read", counted)
    pictures = [toy.spelled("abc"[: 1 + n % 3]) for n in range(40)]
    outcomes = list(reader.stream(pictures, first_batch=1000))
    assert sizes == [32, 8]
    assert [outcome.reading for outcome in outcomes] == reader.read(pictures)


def test_a_stream_of_bad_pictures_only_and_an_empty_one_end(reader: Reader) -> None:
    assert [outcome.reading for outcome in reader.stream([b"", b"x"])] == [None, None]
    assert list(reader.stream([])) == []


def test_a_stream_takes_one_picture_before_its_first_outcome_and_never_more_than_a_batch_ahead(
    toy_model: Path,
) -> None:
    taken = 0

    def pictures() -> Iterator[Image.Image]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield toy.spelled("abc")

    stream = Reader(toy_model, threads=1, batch_size=8).stream(pictures())
    assert taken == 0
    first: Outcome = next(stream)
    assert first.reading is not None
    assert (first.reading.text, taken) == ("abc", 1)
    for told, _ in enumerate(stream, start=2):
        assert taken - told < 8
    assert taken == 100


def test_threads_share_a_reader(reader: Reader) -> None:
    pictures = random_levels(30, seed=4)
    failures: list[BaseException] = []

    def read(offset: int) -> None:
        try:
            mine = pictures[offset:] + pictures[:offset]
            for reading, levels in zip(reader.read([toy.picture(p) for p in mine]), mine, strict=True):
                assert_as_the_oracle(reading, levels)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read, args=(3 * number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_the_short_way_reads_the_same_and_loads_a_model_once(
    toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clipstr, "_kept", OrderedDict())
    name = str(toy_model)
    assert clipstr.read(toy.spelled("bad"), model=name).text == "bad"
    assert [r.text for r in clipstr.read([toy.spelled("bad")], model=name)] == ["bad"]
    assert set(clipstr.read(toy.spelled("bad"), model=name, allow="ac").text) <= {"a", "c"}
    assert clipstr.read(toy.spelled("bad"), model=name, lexicon=["Bed", "fab"]).text == "Bed"
    assert clipstr.read(toy.spelled("bad"), model=name).text == "bad"
    assert len(clipstr._kept) == 1


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"threads": -1}])
def test_impossible_settings_are_refused(toy_model: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Reader(toy_model, **wrong)  # type: ignore[arg-type]


def copied(toy_model: Path, target: Path, **values: Any) -> Path:
    shutil.copytree(toy_model, target)
    replace(ModelConfig.load(target), **values).save(target)
    return target


def test_a_model_that_is_missing_damaged_or_does_not_fit_its_config_is_refused(
    toy_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelNotFoundError):
        Reader(tmp_path / "nowhere")
    damaged = copied(toy_model, tmp_path / "damaged")
    (damaged / "decoder.onnx").write_bytes((damaged / "decoder.onnx").read_bytes()[:-1])
    with pytest.raises(ModelFileError, match=r"decoder\.onnx"):
        Reader(damaged)
    form = ModelConfig.load(toy_model).form
    more = replace(form, charset=Charset("abcdefghi"))
    with pytest.raises(ModelFileError, match="fit"):
        Reader(copied(toy_model, tmp_path / "charset", form=more))
    wide = replace(form, preprocessing=replace(form.preprocessing, width=64))
    with pytest.raises(ModelFileError, match="fit"):
        Reader(copied(toy_model, tmp_path / "wide", form=wide))


def test_a_file_that_is_no_graph_is_refused_although_its_checksum_is_right(
    toy_model: Path, tmp_path: Path
) -> None:
    folder = copied(toy_model, tmp_path / "model")
    (folder / "encoder.onnx").write_bytes(b"not a graph")
    ModelConfig.load(folder).with_files(folder, ["encoder.onnx", "decoder.onnx"]).save(folder)
    with pytest.raises(ModelFileError, match="ONNX Runtime cannot load"):
        Reader(folder)


def test_a_reader_says_what_computes_and_a_device_that_is_not_there_is_never_replaced(
    toy_model: Path,
) -> None:
    assert Reader(toy_model, device="cpu").device == "cpu"
    assert pickle.loads(pickle.dumps(Reader(toy_model, device="cpu"))).device == "cpu"
    for name, device in DEVICES.items():
        if problem_with(device):
            with pytest.raises(DeviceError, match=name):
                Reader(toy_model, device=name)
    with pytest.raises(InputError, match="device is 'gpu'"):
        Reader(toy_model, device="gpu")


def test_a_device_that_compiles_for_sizes_gets_few_of_them_and_reads_the_same(
    toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    run = Session.run

    def counted(self: Session, feeds: dict[str, np.ndarray], outputs: Sequence[str] | None = None) -> Any:
        if "images" in feeds:
            sizes.append(len(feeds["images"]))
        return run(self, feeds, outputs)

    monkeypatch.setattr(Session, "run", counted)
    monkeypatch.setitem(DEVICES, "cpu", replace(CPU, compiles=True))
    compiled = Reader(toy_model, threads=1, batch_size=50, device="cpu", second_looks=False)
    pictures = [toy.picture(levels) for levels in random_levels(50, seed=12)]
    for count in (1, 2, 8, 9, 32, 50):
        found = compiled.read(pictures[:count])
        for reading, levels in zip(found, random_levels(50, seed=12), strict=False):
            assert_as_the_oracle(reading, levels)
    assert set(sizes) == set(BATCHES)
