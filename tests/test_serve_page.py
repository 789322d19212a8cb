"""The page at / in a real browser, with the embedded model behind it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import toy
from browsing import DROP, Watched, browser
from clipstr.reader import Reader
from clipstr.serve.settings import Limits, ServiceSettings
from photographs import pdf_of, photograph
from pictures import encoded
from serving import Running, running

EXAMPLES = Path(__file__).parents[1] / "examples"
SHOTS = os.environ.get("CLIPSTR_SHOTS")  # a folder for pictures of the page, to be looked at


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def served(context: Any) -> Iterator[Running]:
    with running(ServiceSettings(scans=False, threads=2, limits=Limits(pixels=1_000_000))) as service:
        yield service


@pytest.fixture
def watched(context: Any, served: Running) -> Iterator[Watched]:
    opened = Watched(context, f"http://127.0.0.1:{served.port}/")
    yield opened
    opened.close()


def drop(watched: Watched, *names: str, target: str = "drop", **others: bytes) -> None:
    files = [(name, (EXAMPLES / name).read_bytes()) for name in names] + [*others.items()]
    watched.page.evaluate(DROP, [[(n, base64.b64encode(c).decode()) for n, c in files], target])


def words(watched: Watched) -> list[str]:
    return watched.page.locator(".words button").all_inner_texts()


def wait_for(watched: Watched, status: str) -> None:
    watched.page.locator("#status", has_text=status).wait_for()


def shoot(watched: Watched, name: str) -> None:
    if SHOTS:
        watched.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def test_a_dropped_word_is_read_and_its_characters_shown(watched: Watched) -> None:
    drop(watched, "coffee.png")
    wait_for(watched, "Read: COFFEE")
    assert words(watched) == ["COFFEE"]
    reading = Reader(threads=2).read(EXAMPLES / "coffee.png")
    characters = watched.page.locator(".characters li")
    assert [c.split()[0] for c in characters.all_inner_texts()] == list("COFFEE")
    shown = watched.page.locator(".characters .share").first.inner_text()
    assert float(shown.rstrip("%")) == pytest.approx(100 * reading.characters[0].confidence, abs=0.06)
    shoot(watched, "word")


def test_a_pasted_picture_and_chosen_ones_are_read(watched: Watched) -> None:
    drop(watched, "hotel.png", target="paste")
    wait_for(watched, "Read: HOTEL")
    watched.page.locator("#files").set_input_files([EXAMPLES / "2026.png", EXAMPLES / "open.png"])
    wait_for(watched, "3 pictures done")
    assert words(watched)[:2] == ["HOTEL", "2026"]


def test_options_reach_the_service(watched: Watched) -> None:
    watched.page.get_by_text("Options").click()
    watched.page.locator("#lexicon").fill("tea\ncoffee")
    drop(watched, "coffee.png")
    wait_for(watched, "Read: coffee")
    assert "Without that limit: COFFEE" in watched.page.locator(".detail").inner_text()
    watched.page.locator("#lexicon").fill("")
    watched.page.locator("#allow").fill("0123456789")
    watched.page.locator("#clear").click()
    drop(watched, "2026.png")
    wait_for(watched, "Read: 2026")


def test_text_is_copied_and_downloaded_and_so_is_json(watched: Watched) -> None:
    drop(watched, "coffee.png", "hotel.png")
    wait_for(watched, "2 pictures done")
    watched.page.locator("#copy").click()
    wait_for(watched, "Copied")
    assert watched.page.evaluate("navigator.clipboard.readText()") == "coffee.png\tCOFFEE\nhotel.png\tHOTEL"
    for kind, name in (("text", "words.txt"), ("json", "words.json")):
        with watched.page.expect_download() as waiting:
            watched.page.locator(f"[data-download={kind}]").click()
        assert waiting.value.suggested_filename == name
        content = Path(waiting.value.path()).read_text()
        if kind == "text":
            assert content == "coffee.png\tCOFFEE\nhotel.png\tHOTEL\n"
        else:
            assert [item["text"] for item in json.loads(content)["items"]] == ["COFFEE", "HOTEL"]


def test_a_picture_that_cannot_be_read_says_why_and_the_others_are_read(watched: Watched) -> None:
    large = encoded(toy.spelled("a").resize((2000, 1000)))
    drop(watched, "coffee.png", **{"broken.png": b"no picture", "large.png": large})
    wait_for(watched, "3 pictures done, 2 could not be read")
    assert words(watched) == ["COFFEE"]
    notes = watched.page.locator(".note:not([hidden])").all_inner_texts()
    assert "save it as PNG or JPEG" in notes[0]
    assert "make it smaller" in notes[1]
    shoot(watched, "errors")


def test_names_are_never_taken_for_markup(watched: Watched) -> None:
    name = "<img src=x onerror=document.title='run'>.png"
    drop(watched, **{name: (EXAMPLES / "coffee.png").read_bytes()})
    wait_for(watched, "Read: COFFEE")
    assert watched.page.locator("h2").inner_text() == name
    assert watched.page.title() == "clipstr reads words in pictures"


def test_many_pictures_show_their_progress_and_all_arrive(watched: Watched) -> None:
    names = sorted(path.name for path in EXAMPLES.glob("*.png"))
    many = {f"{n:02}-{name}": (EXAMPLES / name).read_bytes() for n in range(3) for name in names}
    drop(watched, **many)
    assert watched.page.locator(".card").count() == len(many)
    wait_for(watched, f"{len(many)} pictures done")
    read = words(watched)
    assert len(read) == len(many)
    assert read[: len(names)] * 3 == read
    assert watched.page.locator("#progress").is_hidden()


def test_reading_can_be_stopped_and_begun_anew(watched: Watched) -> None:
    many = {f"{n:02}.png": (EXAMPLES / "coffee.png").read_bytes() for n in range(30)}
    drop(watched, **many)
    watched.page.locator("#stop").click()
    wait_for(watched, "30 pictures done")
    assert "stopped" in watched.page.locator(".note:not([hidden])").last.inner_text()
    watched.page.locator("#clear").click()
    drop(watched, "hotel.png")
    wait_for(watched, "Read: HOTEL")
    assert watched.page.locator(".card").count() == 1


def test_all_of_it_can_be_done_by_keyboard(watched: Watched) -> None:
    page = watched.page
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"files", "camera", "SUMMARY"} <= set(reached)
    drop(watched, "coffee.png", "hotel.png")
    wait_for(watched, "2 pictures done")
    page.locator(".words button").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "HOTEL"
    page.keyboard.press("Enter")
    assert page.locator("[aria-pressed=true]").all_inner_texts() == ["COFFEE", "HOTEL"]


def test_a_screen_reader_is_told_what_things_are(watched: Watched) -> None:
    drop(watched, "coffee.png")
    wait_for(watched, "Read: COFFEE")
    tree = watched.page.locator("body").aria_snapshot()
    for told in (
        'img "The picture coffee.png"',
        'button "COFFEE"',
        "status: ",
        'group "All results"',
        "Choose pictures",
    ):
        assert told in tree, tree
    assert watched.page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_a_narrow_screen_and_text_stands_out(watched: Watched, scheme: Any) -> None:
    watched.page.emulate_media(color_scheme=scheme)
    watched.page.set_viewport_size({"width": 320, "height": 640})
    drop(watched, "coffee.png", "station.png", **{"a-very-long-name-of-a-picture-" * 4: b"no picture"})
    wait_for(watched, "3 pictures done")
    shoot(watched, f"narrow-{scheme}")
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= 320
    assert _contrast(watched) >= 4.5  # WCAG 2.2, 1.4.3


def _contrast(watched: Watched) -> float:
    """The least contrast of the page's texts with what lies below them, by WCAG's formula."""
    return float(
        watched.page.evaluate(
            """() => {
        const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) =>
            v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
        let least = 21;
        for (const node of document.querySelectorAll("body *")) {
            if (![...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim())) continue;
            if (!node.checkVisibility() || node.disabled) continue;
            let below = node;
            const ground = (element) => getComputedStyle(element).backgroundColor;
            while (below && (parts(ground(below))[3] ?? 1) < 1) below = below.parentElement;
            const pair = [getComputedStyle(node).color, ground(below ?? document.body)];
            const [a, b] = pair.map(parts).map(light).sort((x, y) => y - x);
            least = Math.min(least, (a + 0.05) / (b + 0.05));
        }
        return least;
    }"""
        )
    )


@pytest.fixture(scope="module")
def scanning(context: Any) -> Iterator[Running]:
    with running(ServiceSettings(threads=2)) as service:
        yield service


def test_a_photograph_shows_its_words_where_they_stand(context: Any, scanning: Running) -> None:
    watched = Watched(context, f"http://127.0.0.1:{scanning.port}/")
    page = watched.page
    drop(watched, **{"wall.png": encoded(photograph())})
    page.locator(".boxes polygon").nth(3).wait_for(state="attached")
    assert [word.lower() for word in words(watched)] == ["hotel", "coffee", "station", "market"]
    box = page.locator(".boxes polygon").first.bounding_box()
    sheet = page.locator(".sheet").bounding_box()
    scale = sheet["width"] / 800
    assert 40 * scale < box["x"] - sheet["x"] < 90 * scale  # it stands on the picture where the word stands
    page.locator(".boxes polygon").nth(1).click()
    assert page.locator(".detail h3").inner_text().lower() == "coffee"
    assert page.locator("[aria-pressed=true]").inner_text().lower() == "coffee"
    shoot(watched, "photograph")
    for kind, begins in (("pdf", b"%PDF-"), ("hocr", b"<?xml"), ("text", b"H")):
        with page.expect_download() as waiting:
            page.locator(f"[data-download={kind}]").click()
        assert waiting.value.suggested_filename == f"wall.{'txt' if kind == 'text' else kind}"
        content = Path(waiting.value.path()).read_bytes()
        assert content.startswith(begins)
        assert kind == "pdf" or b"HOTEL" in content.upper()
    page.get_by_text("is one word, cut out").click()
    drop(watched, "open.png")
    wait_for(watched, "2 pictures done")
    assert page.locator(".card.word").count() == 1
    watched.close()


def test_a_blank_picture_and_a_pdf_are_shown_as_what_they_are(context: Any, scanning: Running) -> None:
    watched = Watched(context, f"http://127.0.0.1:{scanning.port}/")
    drop(watched, **{"blank.png": encoded(Image.new("RGB", (300, 200), "white"))})
    watched.page.locator(".none", has_text="no words were found").wait_for()
    wait_for(watched, "No words were found")
    pages = pdf_of(photograph(), Image.new("RGB", (300, 200), "white"))
    pdf = {"name": "pages.pdf", "mimeType": "application/pdf", "buffer": pages}
    watched.page.locator("#files").set_input_files([pdf])
    wait_for(watched, "2 pictures done")
    assert "hotel" in [word.lower() for word in words(watched)]
    watched.close()


def test_a_service_with_a_token_asks_for_it_and_reads_then(context: Any, toy_model: Path) -> None:
    with running(
        ServiceSettings(scans=False, models=(str(toy_model),), threads=1, token="sesame")
    ) as guarded:
        watched = Watched(context, f"http://127.0.0.1:{guarded.port}/")
        drop(watched, **{"abc.png": encoded(toy.spelled("abc"))})
        watched.page.locator("#token").fill("sesame")
        watched.page.keyboard.press("Enter")
        wait_for(watched, "Read: abc")
        watched.close()


def test_the_description_is_shown(context: Any, served: Running) -> None:
    watched = Watched(context, f"http://127.0.0.1:{served.port}/docs")
    assert "/v1/read" in watched.page.locator("main").inner_text()
    shoot(watched, "docs")
    watched.close()
