"""Finding and reading in photographs is compared as ICDAR does it."""

from __future__ import annotations

import json

import pytest

from clipstr.errors import DamagedImageError, DataError
from clipstr.evaluation.scene_peers import OurScenes
from clipstr.evaluation.scene_report import scene_errors, scenes_json, scenes_table
from clipstr.evaluation.scenes import (
    FoundWord,
    Score,
    TruePhotograph,
    TrueWord,
    compare_photograph,
    evaluate_scenes,
    find_scene_sets,
    load_photographs,
)
from scenes import box, line_picture, scene_reader


def photograph(tmp_path, *words: tuple[tuple[float, ...], str | None]) -> TruePhotograph:
    return TruePhotograph(tmp_path / "a.png", tuple(TrueWord(box(*place), text) for place, text in words))


def found(*words: tuple[tuple[float, ...], str]) -> list[FoundWord]:
    return [FoundWord(box(*place), text) for place, text in words]


def test_polygons_meet_above_half_of_their_union(tmp_path):
    true = photograph(tmp_path, ((0, 0, 100, 20), "coffee"))
    just = compare_photograph(true, found(((0, 0, 51, 20), "coffee")))
    assert just.detection == just.reading == Score(1, 1, 1)
    short = compare_photograph(true, found(((0, 0, 49, 20), "coffee")))
    assert short.detection == short.reading == Score(0, 1, 1)


def test_case_and_punctuation_do_not_count_and_letters_do(tmp_path):
    true = photograph(tmp_path, ((0, 0, 100, 20), "Coffee!"))
    assert compare_photograph(true, found(((0, 0, 100, 20), "COFFEE"))).reading.right == 1
    wrong = compare_photograph(true, found(((0, 0, 100, 20), "coffe")))
    assert (wrong.detection.right, wrong.reading.right) == (1, 0)
    assert [match.kind for match in wrong.end_to_end] == ["misread"]


def test_a_true_word_is_met_once(tmp_path):
    true = photograph(tmp_path, ((0, 0, 100, 20), "coffee"))
    twice = compare_photograph(true, found(((0, 0, 100, 20), "coffee"), ((1, 0, 99, 20), "coffee")))
    assert twice.detection == Score(1, 2, 1)


def test_what_lies_on_unreadable_regions_is_left_out(tmp_path):
    true = photograph(tmp_path, ((0, 0, 100, 20), "coffee"), ((200, 0, 300, 20), None))
    result = compare_photograph(
        true, found(((0, 0, 100, 20), "coffee"), ((210, 0, 240, 20), "x"), ((260, 0, 350, 20), "yes"))
    )
    assert result.detection == Score(1, 2, 1)  # the last one lies on it by less than half


def test_short_words_count_where_words_are_found_and_not_end_to_end(tmp_path):
    true = photograph(tmp_path, ((0, 0, 30, 20), "of"), ((40, 0, 140, 20), "coffee"))
    result = compare_photograph(true, found(((0, 0, 30, 20), "of"), ((40, 0, 140, 20), "coffee")))
    assert result.detection == Score(2, 2, 2)
    assert result.reading == Score(1, 1, 1)


def test_scores_add_up_and_nothing_gives_nothing():
    total = Score(1, 2, 4) + Score(2, 2, 2)
    assert (total.precision, total.recall, total.hmean) == pytest.approx((0.75, 0.5, 0.6))
    assert (Score().precision, Score().recall, Score().hmean) == (0, 0, 0)


def write_set(folder, *lines: object):
    folder.mkdir(parents=True)
    (folder / "words.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_sets_are_found_by_their_labels(tmp_path):
    write_set(tmp_path / "all" / "street")
    write_set(tmp_path / "all" / "menus")
    assert list(find_scene_sets(tmp_path / "all")) == ["menus", "street"]
    assert list(find_scene_sets(tmp_path / "all" / "street")) == ["street"]
    with pytest.raises(DataError, match=r"words\.jsonl"):
        find_scene_sets(tmp_path / "all" / "street" / "..").keys() and find_scene_sets(tmp_path / "none")


@pytest.mark.parametrize(
    "line", [{"file": "a.png"}, {"file": "a.png", "words": [{"polygon": [[0, 0], [1, 1]], "text": "a"}]}, [1]]
)
def test_damaged_labels_are_told_with_their_line(tmp_path, line):
    folder = write_set(tmp_path / "set", {"file": "a.png", "words": []}, line)
    with pytest.raises(DataError, match="line 2"):
        load_photographs(folder)


class Unable:
    name = "unable"

    def find_words(self, path):
        raise DamagedImageError(f"{path}: damaged")


def test_engines_stand_in_one_comparison_and_what_fails_counts_as_nothing_found(tmp_path):
    folder = write_set(
        tmp_path / "set",
        {"file": "a.png", "words": [{"polygon": box(28, 32, 122, 62).tolist(), "text": "garden"}]},
    )
    line_picture("garden").save(folder / "a.png")
    told = []
    comparison = evaluate_scenes(
        [OurScenes(scene_reader()), Unable()],
        folder,
        watch=lambda engine, name, result: told.extend(scene_errors(engine, name, result)),
    )
    ours, theirs = scenes_json(comparison)["results"]
    assert ours["end_to_end"]["hmean"] == 1
    assert (theirs["end_to_end"]["hmean"], theirs["unreadable"]) == (0, 1)
    assert [json.loads(line)["kind"] for line in told] == ["missed"]
    assert scenes_table(comparison).count("| set |") == 2
