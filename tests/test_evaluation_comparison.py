"""`clipstr.evaluation.comparison`: paired tests against oracles of their own."""

from __future__ import annotations

import math
from math import comb

import numpy as np
import pytest

from clipstr.charset import Charset
from clipstr.data import LabelRule
from clipstr.evaluation.comparison import Comparison, Pairs, compare, pair
from clipstr.evaluation.protocol import Word
from clipstr.evaluation.record import _comparison
from clipstr.evaluation.report import comparison_table

RULE = LabelRule(Charset.named("36"))


def pairs(both: int, first: int, second: int, neither: int, name: str = "set") -> Pairs:
    return Pairs(name=name, both=both, first_only=first, second_only=second, neither=neither)


def words(*readings: tuple[str | None, str]) -> list[Word]:
    return [Word(index=n, label=label, text=text) for n, (label, text) in enumerate(readings)]


def test_words_are_sorted_by_who_read_them_right() -> None:
    first = words(("A", "a"), ("b", "b"), ("c", "x"), ("d", "x"), (None, ""), ("?", "e"), ("f-f", "F F"))
    second = words(("A", "A!"), ("b", "x"), ("c", "c"), ("d", "y"), (None, ""), ("?", "f"), ("f-f", "x"))
    found = pair(first, second, "set", RULE)
    assert found == pairs(both=1, first=2, second=1, neither=1)
    assert found.count == 5
    assert found.difference == pytest.approx(1 / 5)


def test_a_picture_that_cannot_be_decoded_is_right_for_nobody() -> None:
    broken = [Word(index=0, label="a", text="a", error="why")]
    assert pair(broken, broken, "set", RULE) == pairs(0, 0, 0, 1)


def test_other_words_are_never_compared() -> None:
    with pytest.raises(ValueError, match="other words"):
        pair(words(("a", "a")), words(("b", "a")), "set", RULE)
    with pytest.raises(ValueError, match="shorter"):
        pair(words(("a", "a"), ("b", "b")), words(("a", "a")), "set", RULE)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (5, 5), (1, 0), (8, 1), (30, 60), (400, 470)])
def test_the_exact_test_is_the_sum_of_the_binomials_tails(first: int, second: int) -> None:
    count = first + second
    tail = sum(comb(count, k) for k in range(count + 1) if abs(k - count / 2) >= abs(first - count / 2))
    assert pairs(10, first, second, 10).p_value == pytest.approx(tail / 2**count, rel=1e-12)
    assert pairs(10, second, first, 10).p_value == pairs(3, first, second, 0).p_value


def test_the_bootstraps_interval_is_that_of_words_drawn_one_by_one() -> None:
    found = pairs(both=60, first=20, second=5, neither=15)
    values = np.array([0.0] * 75 + [1.0] * 20 + [-1.0] * 5)
    rng = np.random.default_rng(7)
    drawn = rng.choice(values, size=(4000, 100)).mean(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.interval.low == pytest.approx(low, abs=0.012)
    assert found.interval.high == pytest.approx(high, abs=0.012)
    assert found.interval == found.interval  # the same each time


def test_the_means_of_several_sets_are_by_words_and_by_sets() -> None:
    found = compare("a", "b", [pairs(80, 10, 0, 10, "large"), pairs(5, 0, 5, 0, "small"), pairs(0, 0, 0, 0)])
    assert found.together.difference == pytest.approx(5 / 110)
    assert found.unweighted_difference == pytest.approx((0.1 - 0.5) / 2)
    assert found.weighted_interval.low < 5 / 110 < found.weighted_interval.high
    assert found.unweighted_interval.low < -0.2 < found.unweighted_interval.high
    assert found.unweighted_interval.high < 0 < found.weighted_interval.high


def test_the_table_and_the_record_tell_the_same() -> None:
    found = compare("a", "b", [pairs(80, 12, 3, 5, "one"), pairs(0, 0, 0, 0, "none")])
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in comparison_table(found).split("\n")]
    assert rows[2][:3] == ["one", "100", "+9.00"]
    assert rows[2][4:] == ["12", "3", "0.035"]
    assert rows[3] == ["none", "0", "-", "- to -", "0", "0", "1"]
    assert rows[4][0] == "all words"
    assert rows[5][:3] == ["mean by sets", "-", "+9.00"]
    record = _comparison(found)
    assert record["sets"][0]["mcnemar_p"] == found.sets[0].p_value
    assert record["sets"][1]["difference"] is None


def test_nothing_compared_has_no_difference() -> None:
    found = Comparison(first="a", second="b", sets=())
    assert math.isnan(found.together.difference)
    assert math.isnan(found.unweighted_difference)
    assert (found.weighted_interval.low, found.weighted_interval.high) == (-1.0, 1.0)
