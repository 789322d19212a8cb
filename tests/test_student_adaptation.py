"""Recognisers made ready for other alphabets and lengths: what both know stays as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clipstr.charset import ALPHABETS
from clipstr.errors import InputError
from clipstr.student import TINY, Recogniser, StudentConfig
from clipstr.student.adaptation import adapt

OLD = replace(
    TINY, width=48, encoder_heads=2, decoder_heads=2, encoder_mlp_ratio=1.0, characters="abc9", max_length=4
)


@pytest.fixture(scope="module")
def model() -> Recogniser:
    torch.manual_seed(0)
    learned = Recogniser(OLD).eval()
    with torch.no_grad():
        learned.head.bias.copy_(torch.randn(5))
    return learned


def logits(model: Recogniser, text: str) -> torch.Tensor:
    """(positions, num_classes) of a fixed picture, told ``text``."""
    charset = model.config.charset
    images = torch.randn(1, 3, 32, 128, generator=torch.Generator().manual_seed(1))
    tokens = torch.tensor([[charset.begin, *charset.encode(text)]])
    with torch.no_grad():
        return model(images, tokens).logits[0]


def columns(config: StudentConfig, characters: str) -> list[int]:
    return [0, *(config.charset.encode(c)[0] for c in characters)]


@settings(max_examples=15, deadline=None)
@given(st.permutations("abc9xyzÄ€"), st.integers(1, 9), st.integers(3, 6))
def test_kept_characters_are_as_likely_as_before(order: list[str], size: int, length: int) -> None:
    torch.manual_seed(0)
    learned = Recogniser(OLD).eval()
    config = replace(OLD, characters="".join(order[:size]), max_length=length)
    adaptation = adapt(learned, config)
    assert adaptation.kept == "".join(c for c in config.characters if c in "abc9")
    assert set(adaptation.forgotten) == set("abc9") - set(config.characters)
    text = (adaptation.kept * 3)[:3]
    before, after = logits(learned, text), logits(adaptation.model, text)
    old, new = (columns(c, adaptation.kept) for c in (OLD, config))
    assert torch.allclose(before[:, old], after[:, new], atol=1e-6)


def test_another_alphabet_and_length_and_back_again_changes_nothing(model: Recogniser) -> None:
    there = adapt(model, replace(OLD, characters="#9Ac!ba", max_length=7)).model
    back = adapt(there, OLD).model
    for name, value in back.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name


def test_more_places_change_nothing_at_the_old_ones(model: Recogniser) -> None:
    longer = adapt(model, replace(OLD, max_length=9)).model
    before, after = logits(model, "abc9"), logits(longer, "abc9cba")
    assert after.shape[0] == 8
    assert torch.allclose(before, after[:5], atol=1e-6)


def test_capitals_start_from_small_letters_and_accents_from_plain_ones(model: Recogniser) -> None:
    config = replace(OLD, characters="abcABé9äĀ#")
    adaptation = adapt(model, config)
    assert adaptation.derived == {"A": "a", "B": "b", "ä": "a", "Ā": "a"}
    assert adaptation.fresh == "é#"
    scores = logits(adaptation.model, "ab")
    a, capital, accented, b, large = (config.charset.encode(c)[0] for c in "aAäbB")
    assert torch.allclose(scores[:, b], scores[:, large], rtol=0, atol=1e-6)
    together = scores[:, [capital, accented, config.charset.encode("Ā")[0]]].logsumexp(1)
    assert torch.allclose(scores[:, a], together, rtol=0, atol=1e-6)
    notes = " ".join(adaptation.notes())
    assert "A from a" in notes
    assert "é#" in notes


def test_an_alphabet_with_marks_begins_by_reading_what_was_read_before() -> None:
    torch.manual_seed(0)
    learned = Recogniser(replace(OLD, characters=ALPHABETS["94"])).eval()
    config = replace(OLD, characters=ALPHABETS["latin"])
    adaptation = adapt(learned, config)
    assert (adaptation.fresh, adaptation.forgotten, adaptation.kept) == ("", "", ALPHABETS["94"])
    origins = {"é": "e", "Ł": "L", "ø": "o", "ı": "i", "ß": "B", "©": "C", "¿": "?"}
    assert origins.items() <= adaptation.derived.items()
    embedding = adaptation.model.text_embed.embedding.weight
    for new, old in origins.items():
        number, origin = (config.charset.encode(c)[0] for c in (new, old))
        assert torch.equal(adaptation.model.head.weight[number], adaptation.model.head.weight[origin])
        assert torch.equal(embedding[number], embedding[origin])
    before, after = logits(learned, "Ab9!"), logits(adaptation.model, "Ab9!")
    assert torch.allclose(before, after[:, :95], atol=1e-6)
    # What each family of letters has together is at most twice what its plain letter had before.
    best = before.argmax(1)
    crowded = [i for i, c in enumerate(ALPHABETS["94"], 1) if list(adaptation.derived.values()).count(c) > 1]
    assert all(after.argmax(1)[row] == column for row, column in enumerate(best) if column in crowded)


def test_an_alphabet_of_both_cases_lends_no_letter_to_the_other_case() -> None:
    torch.manual_seed(0)
    adaptation = adapt(Recogniser(replace(OLD, characters="aB")), replace(OLD, characters="aAbB"))
    assert adaptation.derived == {}
    assert adaptation.fresh == "Ab"


def test_a_letter_that_stands_for_both_cases_starts_from_the_mean_of_the_two() -> None:
    torch.manual_seed(0)
    both = Recogniser(replace(OLD, characters="aAbB9C"))
    adaptation = adapt(both, replace(OLD, characters="ab9"))
    assert (adaptation.merged, adaptation.forgotten, adaptation.derived) == ("ab", "C", {})
    assert "letters that stand for both cases now: ab" in adaptation.notes()
    learned, rows = both.head.weight, adaptation.model.head.weight
    torch.testing.assert_close(rows[1], (learned[1] + learned[2]) / 2)
    torch.testing.assert_close(rows[3], learned[5])  # 9
    accented = adapt(both, replace(OLD, characters="aä")).model.head.weight
    assert torch.equal(accented[1], accented[2])
    capitals = adapt(both, replace(OLD, characters="AB9"))
    assert (capitals.merged, capitals.forgotten) == ("AB", "C")


def test_fresh_characters_are_as_likely_as_known_ones_on_average(model: Recogniser) -> None:
    adapted = adapt(model, replace(OLD, characters="abc9#")).model
    assert adapted.head.bias[5].item() == pytest.approx(model.head.bias[1:].mean().item())


@pytest.mark.parametrize("length", [2, 4, 9])
def test_positions_are_cut_or_continued_with_the_last_one(model: Recogniser, length: int) -> None:
    adaptation = adapt(model, replace(OLD, max_length=length))
    queries = adaptation.model.pos_queries
    assert queries.shape[1] == length + 1
    shared = min(length, 4) + 1
    assert torch.equal(queries[:, :shared], model.pos_queries[:, :shared])
    assert (queries[:, shared:] == model.pos_queries[:, -1:]).all()
    assert adaptation.more_positions == length - 4


def test_the_same_config_gives_the_same_model_and_nothing_to_note(model: Recogniser) -> None:
    adaptation = adapt(model, OLD)
    assert adaptation.notes() == []
    for name, value in adaptation.model.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])


def test_the_model_given_is_left_alone(model: Recogniser) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    adapted = adapt(model, replace(OLD, characters=ALPHABETS["94"])).model
    with torch.no_grad():
        for value in adapted.parameters():
            value.add_(1)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_other_sizes_cannot_start_from_it(model: Recogniser) -> None:
    with pytest.raises(InputError, match="encoder_depth 4: 8 cannot start from it"):
        adapt(model, replace(OLD, encoder_depth=8))
