"""`clipstr.serve.readers`: a word is read the same alone and in company, whatever else the batch holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import toy
from clipstr.errors import InputError
from clipstr.serve.asks import Options, Picture
from clipstr.serve.readers import KEPT, Readers, item_values
from clipstr.serve.refusals import RefusalError
from clipstr.serve.settings import ServiceSettings
from pictures import encoded

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.png"))


@pytest.fixture(scope="module")
def readers(toy_model: Path) -> Readers:
    return Readers(ServiceSettings(scans=False, models=(str(toy_model),), threads=1))


def test_the_embedded_model_reads_a_word_the_same_to_the_bit_alone_and_in_company() -> None:
    readers = Readers(ServiceSettings(scans=False, threads=2))
    blurred = [encoded(Image.open(path).convert("RGB").resize((28, 7))) for path in EXAMPLES[:3]]  # doubtful
    contents = [path.read_bytes() for path in EXAMPLES] + blurred
    pictures = [Picture(None, content) for content in contents]
    options = readers.settled(Options())
    alone = [readers.read(options, [picture])[0].reading for picture in pictures]
    assert len({reading.text for reading in alone if reading}) >= len(EXAMPLES)
    for company in (pictures, pictures[::-1], [*pictures[:5], Picture(None, b"no picture"), *pictures[5:]]):
        outcomes = readers.read(options, company)
        together = {outcome.source: outcome.reading for outcome in outcomes}
        assert [together[content] for content in contents] == alone


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
    assert readers.read(readers.settled(Options()), [Picture(None, encoded(toy.spelled("abc")))])[0].reading
