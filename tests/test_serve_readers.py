"""`clipstr.serve.readers`: a word is read the same alone and in company, whatever else the batch holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import toy
from clipstr.errors import InputError
from clipstr.reader import Outcome
from clipstr.serve.asks import Options, Picture
from clipstr.serve.batching import Later
from clipstr.serve.readers import KEPT, Doubtful, Readers, item_values
from clipstr.serve.refusals import RefusalError
from clipstr.serve.settings import ServiceSettings
from pictures import encoded

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.png"))


@pytest.fixture(scope="module")
def readers(toy_model: Path) -> Readers:
    return Readers(ServiceSettings(scans=False, models=(str(toy_model),), threads=1))


def read(readers: Readers, options: Options, pictures: Sequence[Picture]) -> list[Outcome]:
    """What becomes of ``pictures``, in order, each read on for as long as it is in doubt."""
    done: dict[int, Outcome] = {}
    left: dict[int, Picture | Doubtful] = dict(enumerate(pictures))
    while left:
        # Those of one turn are read together, as by a service.
        found = dict(zip(left, readers.read(options, list(left.values())), strict=True))
        done |= {number: one for number, one in found.items() if isinstance(one, Outcome)}
        left = {number: one.item for number, one in found.items() if isinstance(one, Later)}
    return [done[number] for number in range(len(pictures))]


def test_the_embedded_model_reads_a_word_the_same_to_the_bit_alone_and_in_company() -> None:
    readers = Readers(ServiceSettings(scans=False, threads=2))
    noise = np.random.default_rng(0).integers(0, 255, (3, 8, 24, 3), np.uint8)  # doubtful
    contents = [path.read_bytes() for path in EXAMPLES] + [encoded(Image.fromarray(one)) for one in noise]
    pictures = [Picture(None, content) for content in contents]
    options = readers.settled(Options())
    alone = [read(readers, options, [picture])[0].reading for picture in pictures]
    assert len({reading.text for reading in alone if reading}) >= len(EXAMPLES)
    for company in (pictures, pictures[::-1], [*pictures[:5], Picture(None, b"no picture"), *pictures[5:]]):
        outcomes = read(readers, options, company)
        together = {outcome.source: outcome.reading for outcome in outcomes}
        assert [together[content] for content in contents] == alone
    assert alone == readers.reader(options).read(contents)  # as without a service
    first = readers.read(options, pictures)
    assert Later in {type(one) for one in first[-3:]}
    assert {type(one) for one in readers.read(replace(options, second_looks=False), pictures)} == {Outcome}


def test_readers_of_the_same_options_are_made_once_and_only_the_last_used_are_kept(readers: Readers) -> None:
    first = readers.settled(Options(allow="abc"))
    reader = readers.reader(first)
    assert readers.reader(Options(model="toy", allow="abc")) is reader
    for number in range(KEPT):
        readers.reader(
            readers.settled(Options(lexicon=("abc" + "a" * (number % 4), "h" * (1 + number // 8))))
        )
    assert len(readers._restricted) <= KEPT


def test_options_that_the_reader_refuses_are_a_refusal(readers: Readers) -> None:
    for options in (Options(allow="xyz"), Options(lexicon=("xyz",)), Options(lexicon=())):
        with pytest.raises(RefusalError) as refusal:
            readers.reader(readers.settled(options))
        assert refusal.value.status == 422


def test_two_models_of_one_name_are_refused(toy_model: Path) -> None:
    with pytest.raises(InputError, match="two models"):
        Readers(ServiceSettings(scans=False, models=(str(toy_model), str(toy_model))))


def test_a_fault_of_ours_is_told_without_its_details() -> None:
    values = item_values(Picture("a.png", b""), RuntimeError("/secret/path"))
    assert values["name"] == "a.png"
    assert values["error"]["type"] == "InternalError"
    assert "secret" not in values["error"]["message"]


def test_second_looks_are_as_the_request_says(readers: Readers) -> None:
    for looks in (True, False):
        assert readers.reader(readers.settled(Options(second_looks=looks))).second_looks is looks
    abc = Picture(None, encoded(toy.spelled("abc")))
    assert read(readers, readers.settled(Options()), [abc])[0].reading
