"""`web/`: the reader in the browser reads what the Python reader reads, and sends no picture anywhere."""

from __future__ import annotations

import base64
import functools
import http.server
import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from browsing import Watched, browser
from clipstr.errors import InputError
from clipstr.imaging import load_image
from clipstr.reader import Reader
from pictures import encoded

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.png"))
MODULES = ROOT / "web" / "node_modules"

CONFIDENCE = 0.02  # sums in another order move eight-bit roundings a little; texts are the same

READ = """async (contents) => {
    const { Reader } = await import("./reader.js");
    const reader = await Reader.load("./model/");
    const found = [];
    for (const content of contents) {
        const blob = new Blob([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))]);
        const pixels = await reader.pixels(blob);
        found.push({ ...await reader.read(blob), pixels: btoa(String.fromCharCode(...pixels)) });
    }
    return found;
}"""


def built(out: Path) -> None:
    """Builds the static files into ``out``, as ``python web/build.py`` does."""
    specification = importlib.util.spec_from_file_location("web_build", ROOT / "web" / "build.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    module.build(out, modules=MODULES)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(context: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not (MODULES / "onnxruntime-web").is_dir():
        pytest.skip("needs npm's files: npm install --prefix web --ignore-scripts")
    site = tmp_path_factory.mktemp("site")
    built(site)
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture
def watched(context: Any, address: str) -> Iterator[Watched]:
    opened = Watched(context, address)
    yield opened
    opened.close()


def crops() -> list[bytes]:
    """50 rendered words: the examples larger, smaller, cut, turned, greyed, on ground that is transparent."""
    pictures = [load_image(path) for path in EXAMPLES]
    made = list(pictures)
    for number, picture in enumerate(pictures):
        width, height = picture.size
        made += [
            picture.resize((40 + 7 * number, 12 + number), Image.Resampling.BILINEAR),
            picture.resize((900 + 111 * number, 250 + 37 * number), Image.Resampling.BICUBIC),
            picture.crop((number, 1, width - 2, height - number // 2)),
            picture.convert("L").convert("RGB").resize((128, 32 + number)),
            picture.rotate(90, expand=True),
            picture.resize((61, 300 + number)),
        ]
    return [encoded(picture) for picture in made[:50]]


def test_fifty_crops_are_prepared_to_the_pixel_and_read_as_python_reads_them(watched: Watched) -> None:
    contents = crops()
    assert len(contents) == 50
    reader = Reader("tiny", threads=2, second_looks=False)
    found = watched.page.evaluate(READ, [base64.b64encode(content).decode() for content in contents])
    prepared = reader.config.form.preprocessing
    for content, there, here in zip(contents, found, reader.read(contents), strict=True):
        wanted = prepared.resize(load_image(content))
        pixels = np.frombuffer(base64.b64decode(there["pixels"]), np.uint8).reshape(wanted.shape)
        np.testing.assert_array_equal(pixels, wanted)
        assert there["text"] == here.text
        assert there["confidence"] == pytest.approx(here.confidence, abs=CONFIDENCE)
        chances = [character["confidence"] for character in there["characters"]]
        assert chances == pytest.approx([c.confidence for c in here.characters], abs=CONFIDENCE)


def test_other_formats_and_odd_pictures_come_close(watched: Watched) -> None:
    word = load_image(EXAMPLES[1])
    clear = word.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(word.size))
    letters = Image.new("RGBA", word.size, "white")  # white letters on nothing, with a stray black pixel
    letters.putalpha(word.convert("L").point(lambda level: 255 * (level > 140)))
    letters.putpixel((0, 0), (0, 0, 0, 255))
    turned = word.transpose(Image.Transpose.ROTATE_90)
    orientation = Image.Exif()
    orientation[274] = 6
    contents = [
        encoded(word, "JPEG", quality=90),
        encoded(word, "WEBP", quality=90),
        encoded(word, "GIF"),
        encoded(word, "BMP"),
        encoded(word.convert("L")),
        encoded(clear),
        encoded(letters),
        encoded(turned, "JPEG", quality=90, exif=orientation.tobytes()),
        encoded(word.resize((1500, 1200)), "PNG"),
    ]
    found = watched.page.evaluate(READ, [base64.b64encode(content).decode() for content in contents])
    reader = Reader("tiny", threads=2, second_looks=False)
    for content, there in zip(contents, found, strict=True):
        wanted = reader.config.form.preprocessing.resize(load_image(content))
        pixels = np.frombuffer(base64.b64decode(there["pixels"]), np.uint8).reshape(wanted.shape)
        assert np.abs(pixels.astype(int) - wanted).max() <= 3
        assert there["text"] == reader.read(content).text


def test_the_page_reads_without_a_service(watched: Watched) -> None:
    watched.page.locator("#files").set_input_files(EXAMPLES)
    watched.page.locator("#status", has_text=f"{len(EXAMPLES)} pictures done").wait_for()
    read = watched.page.locator(".words button").all_inner_texts()
    assert {"COFFEE", "HOTEL", "2026"} <= set(read)
    assert watched.page.locator(".characters").first.is_visible()
    watched.page.locator("#clear").click()
    broken = {"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"}
    watched.page.locator("#files").set_input_files([broken])
    watched.page.locator(".note", has_text="cannot open the picture").wait_for()


def test_a_build_without_npms_files_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_web.MODULES", tmp_path / "none")
    with pytest.raises(InputError, match="npm install"):
        built(tmp_path / "site")
