"""``clipstr scan`` and ``clipstr evaluate --scenes`` as people call them."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from xml.etree import ElementTree as Xml

import pytest

from scenes import box, page


def clipstr(*arguments: object, content: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "clipstr", *map(str, arguments)]
    return subprocess.run(command, input=content, capture_output=True, check=False)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    page(("Coffee and cake", 40, 60), ("open daily", 40, 240)).save(folder / "menu.png")
    page(("garden gate", 40, 60)).save(folder / "sign.png")
    (folder / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    return folder


def test_text_keeps_lines_and_paragraphs_and_a_bad_file_stops_no_others(photographs):
    done = clipstr("scan", photographs)
    assert done.returncode == 1
    assert done.stdout.decode().splitlines() == [
        f"==> {photographs / 'menu.png'} <==",
        "Coffee and cake",
        "",
        "open daily",
        "",
        f"==> {photographs / 'sign.png'} <==",
        "garden gate",
    ]
    assert b"torn.png" in done.stderr


def test_json_has_an_object_for_each_picture(photographs):
    done = clipstr("scan", photographs, "--format", "json")
    menu, sign, torn = map(json.loads, done.stdout.decode().splitlines())
    assert [line["text"] for line in menu["lines"]] == ["Coffee and cake", "open daily"]
    assert sign["width"] == 640
    assert torn["error"]["type"] == "DamagedImageError"


def test_csv_and_overlay_go_into_files_in_one_call(photographs, tmp_path):
    out, overlay = tmp_path / "words.csv", tmp_path / "seen"
    done = clipstr("scan", photographs / "menu.png", "--format", "csv", "--out", out, "--overlay", overlay)
    assert (done.returncode, done.stdout) == (0, b"")
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert [row["text"] for row in rows] == ["Coffee", "and", "cake", "open", "daily"]
    assert [file.name for file in overlay.iterdir()] == ["menu-words.jpg"]


def test_documents_have_a_page_for_each_picture_and_standard_input_is_one(photographs):
    content = (photographs / "sign.png").read_bytes()
    for name, tag in (("hocr", "ocr_page"), ("alto", "<Page ")):
        done = clipstr("scan", photographs / "menu.png", "-", "--format", name, content=content)
        assert done.returncode == 0
        text = done.stdout.decode()
        assert text.count(tag) >= 2
        Xml.fromstring(text[text.index("<html" if name == "hocr" else "<alto") :])


def test_a_pdf_comes_out_and_can_be_scanned_again(photographs, tmp_path):
    file = tmp_path / "menu.pdf"
    assert clipstr("scan", photographs / "menu.png", "--format", "pdf", "--out", file).returncode == 0
    assert file.read_bytes().startswith(b"%PDF-")
    done = clipstr("scan", file)
    assert done.stdout.decode().splitlines()[:2] == [f"==> {file}, page 1 <==", "Coffee and cake"]


def test_boxes_only_gives_corners(photographs):
    done = clipstr("scan", photographs / "sign.png", "--boxes-only")
    rows = done.stdout.decode().splitlines()
    assert len(rows) == 2
    assert all(len(row.split(" ")) == 4 for row in rows)


def test_nothing_at_a_path_is_a_wrong_call(tmp_path):
    done = clipstr("scan", tmp_path / "none.jpg")
    assert done.returncode == 2
    assert b"none.jpg" in done.stderr


def test_scenes_are_evaluated_in_one_table_with_json_and_errors(photographs, tmp_path):
    words = [{"polygon": box(39, 62, 133, 92).tolist(), "text": "garden"}]
    words.append({"polygon": box(300, 200, 400, 220).tolist(), "text": "unseen"})
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "sign.png").write_bytes((photographs / "sign.png").read_bytes())
    (folder / "words.jsonl").write_text(json.dumps({"file": "sign.png", "words": words}))
    out, errors = tmp_path / "out.json", tmp_path / "errors.jsonl"
    done = clipstr("evaluate", "--scenes", folder, "--json", out, "--errors", errors)
    assert done.returncode == 0, done.stderr
    assert b"PP-OCRv6 + " in done.stdout
    (result,) = json.loads(out.read_text())["results"]
    assert result["end_to_end"]["right"] == 1
    kinds = [json.loads(line)["kind"] for line in errors.read_text().splitlines()]
    assert sorted(kinds) == ["invented", "missed"]  # "gate" stands there and is not in the labels


@pytest.mark.parametrize("arguments", [(), ("--scenes", ".", "--peer", "nobody")])
def test_evaluate_tells_what_it_needs(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.jsonl").write_text("")
    assert clipstr("evaluate", *arguments).returncode == 2
