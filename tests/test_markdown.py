"""`clipstr.markdown`: tables that are tables in Markdown and in plain text."""

from __future__ import annotations

from clipstr.markdown import markdown_table


def test_columns_stand_under_each_other_words_left_and_numbers_right() -> None:
    assert markdown_table(["Set", "Right"], [["IIIT5k", "96.25"], ["a", "1"]]).split("\n") == [
        "| Set    | Right |",
        "| ------ | ----: |",
        "| IIIT5k | 96.25 |",
        "| a      |     1 |",
    ]


def test_no_cell_can_break_the_table() -> None:
    table = markdown_table(["a", "b"], [["x|y", "1\n2"], ["\u202e", ""]], words=2)
    assert len(table.split("\n")) == 4
    assert all(line.replace("\\|", "").count("|") == 3 for line in table.split("\n"))


def test_a_table_without_rows_is_its_head() -> None:
    assert markdown_table(["a"], []) == "| a   |\n| --- |"
