"""`clipstr.data.labels`: which labels count, and how they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipstr.charset import Charset
from clipstr.data import FoldedLabel, LabelRule, find_sources
from clipstr.errors import InputError

REAL_VAL = Path(__file__).parents[2] / "shared" / "real" / "val"
RULE_36 = LabelRule(Charset.named("36"))
RULE_62 = LabelRule(Charset.named("62"))
RULE_94 = LabelRule(Charset.named("94"))


@pytest.mark.parametrize(
    ("rule", "label", "text"),
    [
        (RULE_36, "Hello", "hello"),
        (RULE_62, "Hello", "Hello"),
        (RULE_36, " two\twords\n", "twowords"),
        (RULE_36, "Café", "cafe"),
        (RULE_94, "ﬁne½", "fine12"),
        (RULE_36, "don't!", "dont"),
        (RULE_62, "don't!", "dont"),
        (RULE_94, "don't!", "don't!"),
        (LabelRule(Charset("ABC")), "cab", "CAB"),
        (LabelRule(Charset("éa")), "e\u0301A", "éa"),
        (RULE_36, "北x京", "x"),
    ],
)
def test_a_label_is_folded_into_the_alphabet(rule: LabelRule, label: str, text: str) -> None:
    folded = rule.apply(label)
    assert (folded.text, folded.dropped) == (text, None)


@pytest.mark.parametrize(
    ("rule", "label", "deleted"),
    [
        (RULE_36, "Hello", ""),
        (RULE_36, "two words", ""),
        (RULE_36, "Café", ""),
        (RULE_36, "don't!!", "'!"),
        (RULE_36, "€5", "€"),
        (RULE_36, "ﬁ€", "€"),
        (RULE_94, "don't!!", ""),
        (RULE_36, "北x京", "北京"),
        (LabelRule(Charset("é")), "éa", "a"),
    ],
)
def test_what_folding_deletes_is_told(rule: LabelRule, label: str, deleted: str) -> None:
    assert rule.apply(label).deleted == deleted


def test_labels_with_unknown_characters_can_be_dropped_whole() -> None:
    rule = LabelRule(Charset.named("36"), unknown="drop")
    assert rule.apply("don't") == FoldedLabel(text=None, dropped="unknown", deleted="'")
    assert rule.apply("Dont").text == "dont"
    folded = rule.apply_all(["don't", "dont", "'5'", "", "5"])
    assert folded.texts == ["dont", "5"]
    assert folded.dropped == {"too long": 0, "empty": 1, "unknown": 2}
    assert folded.deleted == {"'": 2}
    with pytest.raises(InputError, match="'keep'"):
        LabelRule(Charset.named("36"), unknown="keep")  # type: ignore[arg-type]


@pytest.mark.parametrize(("label", "told"), [("1½", "½ as 12"), ("20℃", "℃ as C")])
def test_a_character_of_which_a_part_is_left_is_told_and_drops_its_label_if_unknown_ones_do(
    label: str, told: str
) -> None:
    assert RULE_94.apply(label).parted == (told,)
    assert RULE_94.apply_all([label, "a"]).deleted == {told: 1}
    dropping = LabelRule(Charset.named("94"), unknown="drop")
    assert dropping.apply(label) == FoldedLabel(text=None, dropped="unknown", parted=(told,))


@pytest.mark.parametrize(
    ("characters", "label"),
    [
        ("STRÄ", "ß" * 4),
        ("AFI", "ŉ" * 8),
        ("abc", "ﬁ" * 4),
        ("iab", "İ" * 4),
        ("94", "½" * 3),
        ("94", "…" * 3),
    ],
)
def test_a_label_that_grows_while_it_is_folded_never_passes_the_longest_length(
    characters: str, label: str
) -> None:
    charset = Charset.named(characters)
    text = LabelRule(charset, 7).apply(label).text
    assert text is None or len(text) <= 7


def test_length_is_counted_before_characters_are_deleted() -> None:
    assert RULE_36.apply("a" * 25).text == "a" * 25
    assert RULE_36.apply("a" + "-" * 25) == FoldedLabel(text=None, dropped="too long")


def test_length_is_counted_after_white_space_and_what_is_not_ascii_are_gone() -> None:
    assert RULE_36.apply("a " * 25).text == "a" * 25
    assert RULE_36.apply("a" * 25 + "京").text == "a" * 25
    assert RULE_36.apply("ﬁ" * 13) == FoldedLabel(text=None, dropped="too long")


@pytest.mark.parametrize("label", ["", "   ", "!!!", "京都"])
def test_a_label_of_which_nothing_is_left_is_dropped_as_empty(label: str) -> None:
    folded = RULE_36.apply(label)
    assert (folded.text, folded.dropped) == (None, "empty")


def test_the_kept_labels_come_with_their_positions_and_the_dropped_are_counted() -> None:
    folded = RULE_36.apply_all(["One", "?", "x" * 26, "TWO", "", "京"])
    assert folded.indices == [0, 3]
    assert folded.texts == ["one", "two"]
    assert folded.dropped == {"too long": 1, "empty": 3}
    assert len(folded) == 2


def test_every_reason_is_counted_even_when_nothing_is_dropped() -> None:
    assert RULE_36.apply_all(["a"]).dropped == {"too long": 0, "empty": 0}


def test_the_longest_label_may_be_chosen_but_not_below_one() -> None:
    assert LabelRule(Charset("abc"), 2).apply("abc").dropped == "too long"
    with pytest.raises(InputError, match="at least 1"):
        LabelRule(Charset("abc"), 0)


def test_folding_a_folded_label_changes_nothing() -> None:
    for label in ("Café No.5", "ﬁne½", "DON'T"):
        for rule in (RULE_36, RULE_62, RULE_94):
            text = rule.apply(label).text
            assert text is not None
            assert rule.apply(text).text == text


@pytest.mark.skipif(not REAL_VAL.is_dir(), reason="the real crops are not here")
def test_the_real_crops_leave_1512_words_at_36_characters() -> None:
    counts = {}
    for source in find_sources(REAL_VAL):
        folded = RULE_36.apply_all(source.label(index) for index in range(len(source)))
        counts[source.path.name] = (len(folded), folded.dropped["too long"], folded.dropped["empty"])
    assert counts == {"IC13": (168, 0, 1), "IC15": (893, 0, 0), "IIIT5k": (400, 0, 0), "SVT": (51, 0, 0)}
    assert sum(kept for kept, _, _ in counts.values()) == 1512
