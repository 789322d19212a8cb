"""`/v1/scan` over real HTTP: photographs and PDFs, with the real detector and the embedded model."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from clipstr.scenes import SceneReader, plain_scene
from clipstr.serve.settings import Limits, ServiceSettings
from photographs import pdf_of, photograph
from pictures import encoded
from serving import Running, running


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    limits = Limits(pixels=1_000_000, pages=2, photographs=4, items=4)
    with running(ServiceSettings(threads=2, limits=limits)) as service:
        yield service


def test_a_photograph_is_read_as_the_scene_reader_reads_it(served: Running) -> None:
    content = encoded(photograph())
    answer = served.post_files("/v1/scan", [("wall.png", content), ("b.png", b"no picture")])
    assert answer.status == 200
    wanted = plain_scene(SceneReader(threads=2).read(content))
    first, second = answer.values["items"]
    assert first == {"name": "wall.png", "pages": [{"page": None, **wanted}]}
    texts = [word["text"] for line in wanted["lines"] for word in line["words"]]
    assert [text.lower() for text in texts] == ["hotel", "coffee", "station", "market"]
    assert second["error"]["type"] == "NotAnImageError"


def test_options_of_words_and_of_scenes_count(served: Running) -> None:
    content = encoded(photograph())
    answer = served.post("/v1/scan?lexicon=hotel&lexicon=market&min_confidence=0.5", content)
    lines = answer.values["items"][0]["pages"][0]["lines"]
    assert {word["text"] for line in lines for word in line["words"]} == {"hotel", "market"}
    for wrong in ("min_confidence=2", "min_confidence=nan", "min_confidence=much", "allow=%C3%9F"):
        assert served.post(f"/v1/scan?{wrong}", content).status == 422
    assert served.post("/v1/read?min_confidence=0.5", content).status == 422


def test_a_pdf_has_its_pages_and_not_too_many(served: Running) -> None:
    page, blank = photograph(), Image.new("RGB", (300, 200), "white")
    pages = served.post("/v1/scan", pdf_of(page, blank), "application/pdf").values["items"][0]["pages"]
    assert [page["page"] for page in pages] == [1, 2]
    assert len(pages[0]["lines"]) >= 2
    assert pages[1]["lines"] == []
    assert served.post("/v1/scan", pdf_of(*(Image.new("RGB", (300 + n, 200)) for n in range(3)))).kinds == [
        "ImageTooLargeError"
    ]
    assert served.post("/v1/scan", b"%PDF-1.4 and nothing").kinds == ["DamagedImageError"]


@pytest.mark.parametrize("format_", ["text", "hocr", "alto", "pdf"])
def test_documents_hold_the_words(served: Running, format_: str) -> None:
    files = [("wall.png", encoded(photograph())), ("pages.pdf", pdf_of(Image.new("RGB", (99, 99), "white")))]
    answer = served.post_files(f"/v1/scan?format={format_}", files)
    assert answer.status == 200
    assert answer.headers["clipstr-failed"] == "0"
    if format_ == "pdf":
        assert answer.body.count(b"/Type /Page ") == 2
        found = served.post("/v1/scan", answer.body).values["items"][0]["pages"]
        assert "HOTEL" in found[0]["lines"][0]["text"].upper()
    else:
        assert b"HOTEL" in answer.body.upper()
    if format_ == "hocr":
        assert b'image "pages.pdf, page 1"'.replace(b'"', b"&quot;") in answer.body


def test_nothing_named_in_a_request_is_opened(served: Running, tmp_path: Path) -> None:
    photo = tmp_path / "wall.png"
    photo.write_bytes(encoded(photograph()))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/a.pdf"
        for named in (str(photo), f"file://{photo}", address):
            assert served.post_json("/v1/scan", {"pictures": [named]}).kinds == ["NotAnImageError"]
            assert served.post("/v1/scan", named.encode()).kinds == ["NotAnImageError"]
        with pytest.raises(TimeoutError):
            listening.accept()


def test_a_photograph_of_too_many_pixels_is_refused(served: Running) -> None:
    assert served.post("/v1/scan", encoded(Image.new("L", (1001, 1000)))).kinds == ["ImageTooLargeError"]
