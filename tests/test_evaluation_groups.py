"""`clipstr.evaluation.groups`: which sets a mean is over, and what their counts tell."""

from __future__ import annotations

import pytest

from clipstr.charset import Charset
from clipstr.data import LabelRule
from clipstr.data.benchmarks import SIX_SETS, benchmark_named, benchmark_of
from clipstr.evaluation import arrivals, groups
from clipstr.evaluation.results import Evaluation, SetResult, Tally, WordResult

FIRST, SECOND = SIX_SETS


def result(name: str, count: int, right: int = 0, *, empty: int = 0) -> SetResult:
    tally = Tally()
    tally.count, tally.right = count, right
    return tally.result(name, {"too long": 0, "empty": empty})


def evaluation(*sets: SetResult) -> Evaluation:
    return Evaluation(model="m", rule=LabelRule(Charset.named("36")), sets=sets)


SIX = {"IIIT5k": 3000, "SVT": 647, "SVTP": 645, "CUTE80": 288}


def test_both_selections_of_the_six_sets_are_named_and_have_their_own_means() -> None:
    both = {"IC13_857": 857, "IC13_1015": 1015, "IC15_1811": 1811, "IC15_2077": 2077}
    sets = [result(f"val/{name}", count, count // 2) for name, count in (SIX | both).items()]
    found = {group.name: group for group in groups(evaluation(*sets))}
    assert list(found) == [FIRST, SECOND, "all 8 sets"]
    assert found[FIRST].count == 7248
    assert found[SECOND].count == 7672
    right = sum(count // 2 for count in (*SIX.values(), 857, 1811))
    assert found[FIRST].weighted.accuracy == pytest.approx(right / 7248)
    assert "IC13_1015 and IC13_857 share words: the mean over all sets counts those twice." in arrivals(
        evaluation(*sets)
    )


def test_a_folder_that_says_only_ic13_is_known_by_its_count() -> None:
    assert benchmark_of("IC13", 1015) == benchmark_named("IC13_1015")
    assert benchmark_of("test/IC15", 1811) == benchmark_named("IC15_1811")
    assert benchmark_of("ICDAR2015", 2077) == benchmark_named("IC15_2077")
    assert benchmark_of("IC13_857", 1015) == benchmark_named("IC13_1015")
    assert benchmark_of("IC13", 5) == benchmark_named("IC13_857")
    assert benchmark_of("mine", 1015) is None
    assert benchmark_of("MJ", 5) is None


@pytest.mark.parametrize("missing", [*SIX, "IC13", "IC15"])
def test_six_sets_of_which_one_is_missing_or_cut_have_no_mean_of_six(missing: str) -> None:
    counts = SIX | {"IC13": 857, "IC15": 1811}
    whole = [result(name, count) for name, count in counts.items()]
    assert [group.name for group in groups(evaluation(*whole))] == [FIRST, "all 6 sets"]
    assert arrivals(evaluation(*whole)) == []
    fewer = [result(name, count) for name, count in counts.items() if name != missing]
    assert [group.name for group in groups(evaluation(*fewer))] == ["all 5 sets"]
    cut = [result(name, count - (name == missing)) for name, count in counts.items()]
    assert [group.name for group in groups(evaluation(*cut))] == ["all 6 sets"]
    (told,) = arrivals(evaluation(*cut))
    assert told.startswith(
        f"{missing}: {counts[missing] - 1:,} samples here, {counts[missing]:,} in the field's"
    )


def test_labels_that_the_rule_drops_do_not_make_another_selection() -> None:
    assert arrivals(evaluation(result("CUTE80", 285, empty=3))) == []
    assert arrivals(evaluation(result("CUTE80", 288, empty=3))) == []


def test_a_set_that_is_here_twice_is_told() -> None:
    (told,) = arrivals(evaluation(result("a/SVT", 647), result("b/SVT", 647)))
    assert told == "SVT is here more than once: the mean over all sets counts it as often."


def test_confidence_and_accuracy_are_compared_bin_by_bin() -> None:
    tally = Tally()
    for confidence, right in ((0.95, True), (0.97, False), (0.31, False), (1.0, True), (0.0, False)):
        text = "a" if right else "b"
        tally.add(WordResult(set_name="s", index=0, label="a", text=text, confidence=confidence))
    found = tally.result("s", {})
    assert [part.count for part in found.bins if part.count] == [1, 1, 3]
    expected = (abs(0.0) + abs(0.31) + abs(2 - 2.92)) / 5
    assert found.calibration_error == pytest.approx(expected)
    assert evaluation(found, found).weighted.accuracy == pytest.approx(2 / 5)
    assert groups(evaluation(found, found))[0].calibration_error == pytest.approx(expected)
