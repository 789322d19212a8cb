"""Rendered scenes: the truth is exact, to the pixel and to the letter."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import clipstr
from clipstr.cli.main import app
from clipstr.errors import ClipstrError, DataError, InputError, RecipeError
from clipstr.fonts import FontFace, FontSet
from clipstr.synth.scenes import RenderedScene, SceneConfig, SceneRenderer, load_scenes, marked, write_scenes
from clipstr.synth.scenes.blocks import KINDS, FlatBlock, flat_block
from clipstr.synth.scenes.renderer import _photographed_block, _seen

FONTS = [FontFace(":pillow:")]
SMALL = ("width=480", "height=320", "largest=40")


def renderer(*changes: str) -> SceneRenderer:
    return SceneRenderer(load_scenes(None, [*SMALL, *changes]), fonts=FONTS)


@pytest.fixture(scope="module")
def usual() -> SceneRenderer:
    return renderer("fewest=4")


@pytest.fixture(scope="module")
def scenes(usual: SceneRenderer) -> list[RenderedScene]:
    return [usual.scene(0, index) for index in range(6)]


def filled(shape: tuple[int, ...], polygons: list[np.ndarray]) -> np.ndarray:
    mask = np.zeros(shape[:2], np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], 1)
    return mask.astype(bool)


def test_a_scene_depends_on_its_seed_and_number_alone(
    usual: SceneRenderer, scenes: list[RenderedScene]
) -> None:
    again: SceneRenderer = pickle.loads(pickle.dumps(usual))
    assert (again.scene(0, 3).image == scenes[3].image).all()
    assert again.scene(0, 3).words == scenes[3].words
    assert not np.array_equal(again.scene(1, 3).image, scenes[3].image)


def test_all_words_stand_inside_the_picture_in_reading_order(scenes: list[RenderedScene]) -> None:
    assert sum(len(scene.words) for scene in scenes) > 30
    for scene in scenes:
        places = [(word.block, word.line) for word in scene.words]
        assert places == sorted(places)
        assert [line for _, line in places] == sorted(line for _, line in places)
        for word in scene.words:
            corners = np.array(word.polygon)
            assert len(corners) >= 4
            assert corners.min() >= 0
            assert (corners <= (480, 320)).all()
            assert cv2.contourArea(corners.astype(np.float32), oriented=True) > 0  # clockwise
            assert word.text is None or (word.text and not any(c.isspace() for c in word.text))


def test_blocks_never_cover_each_other(scenes: list[RenderedScene]) -> None:
    for scene in scenes:
        masks = [
            filled(scene.image.shape, [np.array(w.polygon) for w in scene.words if w.block == block])
            for block in {word.block for word in scene.words}
        ]
        assert not masks or np.sum(masks, 0).max() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_polygon_holds_the_ink_of_its_word_and_nothing_else_has_any(
    kind: str, usual: SceneRenderer
) -> None:
    """Flat as drawn, and as the camera sees it: at most 1 % of the ink lies more than a pixel beyond."""
    blocks = replace(usual.config.blocks, level=0.0, rotation=20.0, perspective=0.1)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        block: FlatBlock = flat_block(kind, usual.vocabulary, FontSet(FONTS), rng)
        corners, flat = _seen(block, 1.0, blocks, rng)
        seen = _photographed_block(block, flat, corners - corners.min(0) + 3, block.capital, True)
        polygons = [polygon - seen.corner for polygon in seen.polygons]
        for ink, outlines in (
            (block.ink / 255.0, [word.polygon for word in block.words]),
            (seen.coverage, polygons),
        ):
            inside = cv2.dilate(filled(ink.shape, outlines).astype(np.uint8), np.ones((3, 3))) > 0
            assert ink[~inside].sum() <= 0.01 * ink.sum()
            for outline in outlines:
                assert ink[filled(ink.shape, [outline])].sum() > 0


def test_a_straight_words_polygon_is_the_box_of_its_ink_to_a_pixel(usual: SceneRenderer) -> None:
    block = flat_block("signs", usual.vocabulary, FontSet(FONTS), np.random.default_rng(5))
    for word in block.words:
        left, top, right, bottom = np.concatenate([word.polygon.min(0), word.polygon.max(0)]).astype(int)
        rows, columns = np.nonzero(block.ink[top:bottom, left:right])
        assert (rows.min(), columns.min()) == (0, 0)
        assert (rows.max(), columns.max()) == (bottom - top - 1, right - left - 1)


def test_what_the_embedded_model_reads_in_the_polygons_is_their_text() -> None:
    """An oracle that knows nothing of the renderer: large, level, clear words."""
    plain = [f"blocks.{name}=0" for name in ("signs", "paragraphs", "columns", "lists", "curved", "turned")]
    plain += [f"blocks.{name}=0" for name in ("upright", "upside_down", "unreadable", "rotation")]
    clear = renderer("smallest=24", "blocks.level=1", "words.shares.random=0", "fewest=5", *plain)
    crops, texts = [], []
    for index in range(6):
        scene = clear.scene(1, index, difficulty=0.0)
        for word in scene.words:
            left, top, right, bottom = [*np.floor(np.min(word.polygon, 0)), *np.ceil(np.max(word.polygon, 0))]
            box = scene.image[int(top) - 2 : int(bottom) + 3, int(left) - 2 : int(right) + 3]
            crops.append(Image.fromarray(np.ascontiguousarray(box)))
            texts.append(word.text or "")
    assert len(texts) > 15
    read = [reading.text.lower() for reading in clipstr.Reader().read_images(crops)]
    right = sum(a == b.lower() for a, b in zip(read, texts, strict=True))
    assert right >= 0.8 * len(texts), list(zip(read, texts, strict=True))


def test_words_too_small_to_read_have_no_text() -> None:
    for scene in (renderer("blocks.unreadable=1", "fewest=3").scene(2, index) for index in range(3)):
        assert scene.words
        assert {word.text for word in scene.words} == {None}


def test_a_kind_whose_share_is_one_of_one_is_the_only_one() -> None:
    shares = [f"blocks.{name}=0" for name in ("words", "signs", "paragraphs", "columns", "lists")]
    curved = renderer("fewest=3", "blocks.unreadable=0", *shares)
    words = [word for index in range(3) for word in curved.scene(0, index).words]
    assert words
    assert all(len(word.polygon) == 2 * len(word.text) + 2 for word in words if word.text)


def test_settings_that_cannot_be_are_refused() -> None:
    for change in (
        "width=10",
        "fewest=9",
        "smallest=200",
        "photographs=2",
        "blocks.panel=1.5",
        "blocks.level=-1",
    ):
        with pytest.raises((InputError, RecipeError)):
            load_scenes(None, [change] if change != "fewest=9" else [change, "most=2"])
    with pytest.raises(ClipstrError, match="not all 0"):
        load_scenes(None, [f"blocks.{name}=0" for name in KINDS])
    with pytest.raises(RecipeError, match=r"unknown key blocks\.curves; did you mean blocks\.curved"):
        load_scenes(None, ["blocks.curves=1"])
    assert (
        load_scenes(None, ["words.characters=36"]).words.characters == "0123456789abcdefghijklmnopqrstuvwxyz"
    )
    assert load_scenes(None) == SceneConfig()


def test_photographs_are_the_ground(tmp_path: Path) -> None:
    Image.new("RGB", (90, 70), (10, 200, 30)).save(tmp_path / "green.png")
    made = SceneRenderer(
        load_scenes(None, [*SMALL, "fewest=0", "most=0", "photographs=1"]),
        fonts=FONTS,
        backgrounds=[str(tmp_path / "green.png")],
    ).scene(0, 0, difficulty=0.0)
    assert not made.words
    assert np.abs(made.image.reshape(-1, 3).mean(0) - (10, 200, 30)).max() < 12
    (tmp_path / "green.png").unlink()
    with pytest.raises(DataError, match="cannot be read any more"):
        SceneRenderer(
            load_scenes(None, [*SMALL, "photographs=1"]),
            fonts=FONTS,
            backgrounds=[str(tmp_path / "green.png")],
        ).scene(0, 0)


def test_marks_lie_on_the_outlines_alone(scenes: list[RenderedScene]) -> None:
    scene = next(scene for scene in scenes if scene.words)
    changed = (marked(scene) != scene.image).any(2)
    grown = cv2.dilate(
        filled(scene.image.shape, [np.array(w.polygon) for w in scene.words]).astype(np.uint8),
        np.ones((9, 9)),
    )
    assert changed.any()
    assert not changed[grown == 0].any()


def test_scenes_are_written_as_photographs_and_one_list_of_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipstr.fonts.faces._system_folders", list)
    out, sheet = tmp_path / "scenes", tmp_path / "sheet.png"
    options = [part for change in SMALL for part in ("--set", change)]
    arguments = [
        "synth",
        "scenes",
        str(out),
        "--count",
        "3",
        "--workers",
        "1",
        "--sheet",
        str(sheet),
        *options,
    ]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert Image.open(sheet).size == (2 * 646 + 6, 2 * (427 + 6) + 6)
    lines = (out / "words.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["file"] for record in records] == ["1.jpg", "2.jpg", "3.jpg"]
    assert sorted(path.name for path in out.iterdir()) == ["1.jpg", "2.jpg", "3.jpg", "words.jsonl"]
    for record in records:
        assert Image.open(out / record["file"]).size == (record["width"], record["height"]) == (480, 320)
        for word in record["words"]:
            assert {"polygon", "text"} <= set(word)
    with pytest.raises(DataError, match="there is something already"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_a_folder_that_was_not_finished_has_no_list_of_words(tmp_path: Path) -> None:
    def broken() -> object:
        yield b"picture", {"file": "1.jpg", "words": []}
        raise DataError("a background is gone")

    with pytest.raises(DataError, match="is gone"):
        list(write_scenes(tmp_path / "out", broken()))  # type: ignore[arg-type]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["1.jpg"]


def test_nothing_to_write_is_an_error() -> None:
    with pytest.raises(InputError, match="nothing to write"):
        CliRunner().invoke(app, ["synth", "scenes"], catch_exceptions=False)
