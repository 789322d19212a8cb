"""`clipstr.evaluation`: the protocol, with a reader whose answers are known, and its reports."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import lmdb
import numpy as np
import pytest
from PIL import Image

from clipstr.charset import Charset
from clipstr.data import LabelRule, write_lmdb
from clipstr.errors import DataError
from clipstr.evaluation import Evaluation, WordResult, evaluate, misreading_line, notes, sets_table
from clipstr.evaluation.record import evaluation_json
from clipstr.metrics import ned_similarity, wilson_interval
from clipstr.reading import Reading

RULE_36 = LabelRule(Charset.named("36"))


class KnownReader:
    """A reader that reads the word whose number a picture's redness is."""

    name = "known"

    def __init__(self, answers: Sequence[tuple[str, float]]) -> None:
        self.answers = answers
        self.calls: list[int] = []

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        numbers = [int(np.asarray(image)[0, 0, 0]) for image in images]
        self.calls.append(len(numbers))
        return [Reading(*self.answers[number]) for number in numbers]


def picture(number: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (12, 5), (number, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


def rows_of(evaluation: Evaluation) -> list[list[str]]:
    lines = sets_table(evaluation).split("\n")
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


ANSWERS = [("Hello", 0.9), ("w0rld", 0.5), ("don't", 0.8), ("", 0.1), ("CAFÉ", 1.0), ("unseen", 0.7)]
FIRST = [(picture(0), "hello"), (picture(1), "World"), (b"no picture", "lost"), (picture(2), "DONT!")]
SECOND = [(picture(5), "!?"), (picture(3), "x"), (picture(4), "Cafe"), (picture(5), "y" * 26)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_lmdb(tmp_path / "val" / "first", FIRST)
    write_lmdb(tmp_path / "second", SECOND)
    return tmp_path


def test_the_figures_of_a_known_reader_are_the_known_ones(folder: Path) -> None:
    evaluation = evaluate(KnownReader(ANSWERS), folder, RULE_36)
    second, first = evaluation.sets
    assert (evaluation.model, first.name, second.name) == ("known", "val/first", "second")

    assert (first.count, first.right) == (4, 2)
    assert first.means.accuracy == 0.5
    assert first.means.similarity == pytest.approx((1 + 0.8 + 0 + 1) / 4)
    assert first.means.confidence == pytest.approx((0.9 + 0.5 + 0 + 0.8) / 4)
    assert first.means.label_length == pytest.approx((5 + 5 + 4 + 4) / 4)
    assert first.means.reading_length == pytest.approx((5 + 5 + 0 + 4) / 4)
    assert first.interval == wilson_interval(2, 4)

    assert (second.count, second.right) == (2, 1)
    assert second.dropped == {"too long": 1, "empty": 1}
    assert first.dropped == {"too long": 0, "empty": 0}


def test_both_means_are_over_their_own_units(folder: Path) -> None:
    evaluation = evaluate(KnownReader(ANSWERS), folder, RULE_36)
    assert evaluation.count == 6
    assert evaluation.weighted.accuracy == pytest.approx(3 / 6)
    assert evaluation.unweighted.accuracy == pytest.approx((2 / 4 + 1 / 2) / 2)
    assert evaluation.weighted.similarity == pytest.approx((2.8 + 1) / 6)
    assert evaluation.unweighted.similarity == pytest.approx((2.8 / 4 + 1 / 2) / 2)
    assert evaluation.weighted.label_length == pytest.approx((18 + 5) / 6)
    assert evaluation.interval == wilson_interval(3, 6)


@pytest.mark.parametrize(("alphabet", "right"), [("36", {0, 1, 2, 3}), ("62", {0, 1, 3}), ("94", {0, 3})])
def test_labels_and_readings_are_folded_into_the_alphabet_compared(
    tmp_path: Path, alphabet: str, right: set[int]
) -> None:
    answers = [("Hello", 1.0), ("a-b", 1.0), ("WORLD", 1.0), ("é1!", 1.0)]
    labels = ["Hello", "ab", "World", "e1!"]
    write_lmdb(tmp_path, [(picture(number), label) for number, label in enumerate(labels)])
    seen: list[WordResult] = []
    evaluate(KnownReader(answers), tmp_path, LabelRule(Charset.named(alphabet)), watch=seen.append)
    assert {result.index for result in seen if result.right} == right


def test_a_picture_that_cannot_be_decoded_is_wrong_and_reported(folder: Path) -> None:
    seen: list[WordResult] = []
    evaluation = evaluate(KnownReader(ANSWERS), folder, RULE_36, watch=seen.append)
    (unreadable,) = evaluation.sets[1].unreadable
    assert unreadable.index == 2
    assert unreadable.error
    (lost,) = [result for result in seen if result.label == "lost"]
    assert (lost.text, lost.confidence, lost.right, lost.error) == ("", 0.0, False, unreadable.error)
    assert "1 picture that cannot be decoded" in "\n".join(notes(evaluation))


def test_a_set_of_broken_pictures_never_reaches_the_reader(tmp_path: Path) -> None:
    write_lmdb(tmp_path, [(b"", "a"), (picture(0)[:40], "b")])
    reader = KnownReader([])
    (result,) = evaluate(reader, tmp_path, RULE_36).sets
    assert (result.count, result.right, len(result.unreadable)) == (2, 0, 2)
    assert reader.calls == []


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_the_result_does_not_depend_on_the_batch(folder: Path, batch_size: int) -> None:
    reader = KnownReader(ANSWERS)
    assert evaluate(reader, folder, RULE_36, batch_size=batch_size) == evaluate(
        KnownReader(ANSWERS), folder, RULE_36
    )
    assert max(reader.calls) <= batch_size
    assert sum(reader.calls) == 5


def test_every_word_is_watched_once_and_in_order(folder: Path) -> None:
    seen: list[WordResult] = []
    evaluate(KnownReader(ANSWERS), folder, RULE_36, batch_size=2, watch=seen.append)
    places = [(result.set_name, result.index) for result in seen]
    assert places == [("second", 1), ("second", 2), *(("val/first", index) for index in range(4))]


def test_a_reader_that_loses_pictures_is_found_out(folder: Path) -> None:
    class Careless(KnownReader):
        def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
            return super().read_images(images)[1:]

    with pytest.raises(ValueError, match="1 readings of 2 pictures"):
        evaluate(Careless(ANSWERS), folder, RULE_36)


def test_a_set_in_the_folder_itself_bears_its_name(tmp_path: Path) -> None:
    write_lmdb(tmp_path / "IIIT5k", FIRST)
    assert evaluate(KnownReader(ANSWERS), tmp_path / "IIIT5k", RULE_36).sets[0].name == "IIIT5k"


def test_a_folder_without_sets_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data sets"):
        evaluate(KnownReader(ANSWERS), tmp_path, RULE_36)


def test_a_set_with_nothing_to_compare_is_shown_and_left_out_of_the_means(folder: Path) -> None:
    write_lmdb(folder / "signs", [(picture(0), "!"), (picture(1), "?")])
    evaluation = evaluate(KnownReader(ANSWERS), folder, RULE_36)
    assert math.isnan(evaluation.sets[1].means.accuracy)
    assert evaluation.unweighted.accuracy == pytest.approx(0.5)
    assert "means over 2 sets" in notes(evaluation)[0]
    assert ["signs", "0", "-", "-", "-", "-", "0.00 to 100.00", "-"] in rows_of(evaluation)
    assert "signs: left out by the label rule, 2 labels without any" in "\n".join(notes(evaluation))
    record = evaluation_json(evaluation)
    assert record["sets"][1]["accuracy"] is None
    assert record["means"][0]["sets"] == ["second", "val/first"]


def test_the_table_has_the_fields_header_and_percentages(folder: Path) -> None:
    rows = rows_of(evaluate(KnownReader(ANSWERS), folder, RULE_36))
    assert rows[0][:6] == ["Dataset", "# samples", "Accuracy", "1 - NED", "Confidence", "Label length"]
    assert rows[0][6:] == ["95 % interval", "ECE"]
    assert rows[2][:6] == ["second", "2", "50.00", "50.00", "55.00", "2.50"]
    assert rows[3][:6] == ["val/first", "4", "50.00", "70.00", "55.00", "4.50"]
    assert rows[4][:6] == ["Mean by words, all 2 sets", "6", "50.00", "63.33", "55.00", "3.83"]
    assert rows[5][:6] == ["Mean by sets, all 2 sets", "6", "50.00", "60.00", "55.00", "3.50"]
    # By confidence, each in a bin of its own: 0.9 right, 0.5 wrong, 0 wrong, 0.8 right, 0.1 wrong, 1.0 right.
    assert rows[4][6:] == ["18.76 to 81.24", f"{100 * (0.1 + 0.5 + 0.0 + 0.2 + 0.1 + 0.0) / 6:.2f}"]


def test_the_notes_say_what_was_compared_and_what_was_left_out(folder: Path) -> None:
    text = "\n".join(notes(evaluate(KnownReader(ANSWERS), folder, RULE_36)))
    assert "known, compared in 36 characters; means over 2 sets; " in text
    assert "95 % interval of the mean by words: 18.76 to 81.24." in text
    assert "second: left out by the label rule, 1 label of more than 25 characters." in text
    assert "second: left out by the label rule, 1 label without any character of the alphabet." in text


def test_the_record_holds_everything(folder: Path) -> None:
    record = evaluation_json(evaluate(KnownReader(ANSWERS), folder, RULE_36))
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert (record["samples"], record["longest_label"]) == (6, 25)
    assert record["characters"] == Charset.named("36").characters
    (mean,) = record["means"]
    assert mean["name"] == "all 2 sets"
    assert mean["by_words"]["accuracy"] == pytest.approx(0.5)
    assert mean["by_words"]["accuracy_95"] == pytest.approx([0.1876, 0.8124], abs=1e-4)
    assert mean["by_sets"]["one_minus_ned"] == pytest.approx(0.6)
    second, first = record["sets"]
    assert second["dropped"] == {"too long": 1, "empty": 1}
    assert (second["stored"], second["samples"]) == (4, 2)
    assert (first["samples"], first["right"], first["reading_length"]) == (4, 2, 3.5)
    assert first["unreadable"]["count"] == 1
    assert [problem["index"] for problem in first["unreadable"]["first"]] == [2]


def test_nothing_at_all_has_no_mean() -> None:
    record = evaluation_json(Evaluation(model="m", rule=LabelRule(Charset("abc")), sets=()))
    assert record["means"][0]["by_words"]["accuracy"] is None
    assert record["means"][0]["by_words"]["calibration_error"] is None


def test_damaged_sets_samples_and_counts_are_named_and_never_change_the_others(folder: Path) -> None:
    before = evaluate(KnownReader(ANSWERS), folder, RULE_36)
    write_lmdb(folder / "short", FIRST)
    file = folder / "short" / "data.mdb"
    file.write_bytes(file.read_bytes()[:5000])
    put(folder / "uncounted", "num-samples", None)
    put(folder / "unlabelled", "label-000000002", None)
    put(folder / "unpictured", "image-000000001", None)
    put(folder / "overcounted", "num-samples", b"6")
    put(folder / "undercounted", "num-samples", b"3")
    put(folder / "mislabelled", "label-000000001", b"\xff")
    after = evaluate(KnownReader(ANSWERS), folder, RULE_36)
    assert [result for result in after.sets if result.name in ("second", "val/first")] == list(before.sets)
    found = {result.name: result for result in after.sets}
    counts = {name: (part.samples, part.count, part.right) for name, part in found.items()}
    assert counts == {
        "second": (4, 2, 1),
        "val/first": (4, 4, 2),
        "unlabelled": (4, 3, 2),
        "unpictured": (4, 4, 1),
        "overcounted": (6, 4, 2),
        "undercounted": (3, 3, 1),
        "mislabelled": (4, 3, 1),
    }
    assert [(one.name, one.error[:40]) for one in after.damaged] == [
        ("short", "short/data.mdb is cut short, 5000 bytes "),
        ("uncounted", "uncounted has no num-samples: it is inco"),
    ]
    text = "\n".join(notes(after))
    for told in (
        "short: not read, and in no mean: short/data.mdb is cut short",
        "unlabelled: left out, 1 sample whose label cannot be read; the first is number 1: unlabelled has no",
        "overcounted: left out, 2 samples whose label cannot be read; the first is number 4",
        "mislabelled: left out, 1 sample whose label cannot be read; the first is number 0: mislabelled:",
        "unpictured: counted as wrong, 2 pictures that cannot be decoded; the first is number 0: unpictured",
        "undercounted: its count says 3, but there are more samples: the count is wrong.",
    ):
        assert told in text
    assert str(folder) not in json.dumps(evaluation_json(after))


def put(folder: Path, key: str, value: bytes | None) -> None:
    """A set with one entry of another value, or without it."""
    write_lmdb(folder, FIRST)
    with (
        lmdb.open(str(folder), map_size=1 << 24) as environment,
        environment.begin(write=True) as transaction,
    ):
        if value is None:
            transaction.delete(key.encode())
        else:
            transaction.put(key.encode(), value)


def test_a_misread_word_is_one_line_of_json() -> None:
    result = WordResult(set_name="s", index=7, label="öl", text="ol", confidence=0.25)
    assert misreading_line(result) == (
        '{"set": "s", "index": 7, "label": "öl", "prediction": "ol", "confidence": 0.25}'
    )
    broken = WordResult(set_name="s", index=0, label="a", text="", confidence=0.0, error="why")
    assert json.loads(misreading_line(broken))["error"] == "why"


def test_one_minus_ned_of_the_report_is_that_of_the_metrics(folder: Path) -> None:
    seen: list[WordResult] = []
    evaluation = evaluate(KnownReader(ANSWERS), folder, RULE_36, watch=seen.append)
    similarities = [ned_similarity(result.text, result.label) for result in seen]
    assert evaluation.weighted.similarity == pytest.approx(sum(similarities) / len(similarities))
