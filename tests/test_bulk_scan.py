"""Whole photographs in bulk: their words with places, as `SceneReader` finds them."""

import io
from pathlib import Path

import pytest
from PIL import Image

from clipstr.bulk import Alone, Job, ReadBatch, spark_columns

pa = pytest.importorskip("pyarrow")
pytest.importorskip("rapidocr", reason="needs the extra scenes")

from pyarrow import parquet  # noqa: E402

from scenes import page, scene_reader  # noqa: E402


def encoded(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def photographs() -> list[bytes]:
    """Two lines of words, nothing at all, and what is no picture."""
    written = page(("Coffee and cake", 40, 60), ("open daily", 40, 100))
    return [encoded(written), encoded(Image.new("RGB", (320, 160), "white")), b"no picture"]


def scanning() -> ReadBatch:
    return ReadBatch(mode="scan", threads=1, second_looks=False)


def test_a_photograph_is_a_row_with_its_lines_and_words() -> None:
    found = scanning()(pa.table({"image": photographs()}))
    assert found.column_names == ["image", "text", "confidence", "words", "error", "model"]
    assert [part.split(" ")[0] for part in spark_columns("scan").split(", ")] == found.column_names[1:]
    written, blank, broken = found.to_pylist()
    scene = scene_reader().read(photographs()[0])
    assert written["text"] == scene.text == "Coffee and cake\nopen daily"
    assert [(word["text"], word["line"]) for word in written["words"]] == [
        ("Coffee", 0),
        ("and", 0),
        ("cake", 0),
        ("open", 1),
        ("daily", 1),
    ]
    assert written["confidence"] == pytest.approx(min(word.confidence for word in scene.words), abs=1e-5)
    outline = [value for point in scene.words[0].polygon for value in point]
    assert written["words"][0]["polygon"] == pytest.approx(outline, abs=0.01)
    assert (blank["text"], blank["confidence"], blank["words"], blank["error"]) == ("", None, [], None)
    assert broken["words"] is None
    assert broken["error"].startswith("NotAnImageError")


def test_a_job_of_photographs_counts_them(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"image": photographs()}), tmp_path / "in.parquet")
    job = Job(source=str(tmp_path / "in.parquet"), out=str(tmp_path / "out"), reader=scanning())
    account = job.run(Alone)
    assert (account.given, account.read, account.failed) == (3, 2, 1)
    found = parquet.read_table(tmp_path / "out/results").to_pylist()
    assert [row["text"] for row in found] == ["Coffee and cake\nopen daily", ""]
