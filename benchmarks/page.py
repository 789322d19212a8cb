"""Seconds from a picture dropped on the page of `clipstr serve` to its words, in a real browser.

    python benchmarks/page.py --crops DIR --photographs DIR [--count 8]

The service runs in this process, Chromium beside it on the same cores (Playwright, as in the tests). Pictures
are dropped one after the other, each on a page of its own; the first of each kind is not counted.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from clipstr.data import find_sources
from clipstr.models import DEFAULT_MODEL
from clipstr.serve.settings import ServiceSettings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # how a browser and a service are started

from browsing import DROP, browser
from serving import running

if TYPE_CHECKING:
    from playwright.sync_api import Page

GOAL = {"crop": 1.0, "photograph": 3.0}  # seconds
TOLD = "() => /Read: |words read|No words/.test(document.getElementById('status').textContent)"


def seconds_of(page: Page, address: str, picture: bytes) -> float:
    """From the moment at which ``picture`` is dropped to that at which the page tells what it read."""
    page.goto(address)
    files = [["picture.jpg", base64.b64encode(picture).decode()]]
    begun = time.perf_counter()
    page.evaluate(DROP, [files, "drop"])
    page.wait_for_function(TOLD)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--crops", type=Path, required=True, help="data sets of word crops")
    parser.add_argument("--photographs", type=Path, required=True, help="a folder of photographs (*.jpg)")
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    options = parser.parse_args()
    source = find_sources(options.crops)[0]
    pictures: dict[str, Iterable[bytes]] = {
        "crop": (source.image_bytes(index) for index in range(len(source))),
        "photograph": (file.read_bytes() for file in sorted(options.photographs.glob("*.jpg"))),
    }
    for kind, contents in pictures.items():
        scans = kind == "photograph"
        settings = ServiceSettings(models=(options.model,), threads=options.threads, scans=scans)
        with browser() as context, running(settings) as served:
            page, address = context.new_page(), f"http://127.0.0.1:{served.port}/"
            several = itertools.islice(contents, options.count + 1)
            seconds = [seconds_of(page, address, content) for content in several][1:]
            median, longest = statistics.median(seconds), max(seconds)
        told = f"{median:.2f} s (median), {longest:.2f} s (longest of {len(seconds)})"
        print(f"{kind}: {told}; wanted {GOAL[kind]} s", flush=True)


if __name__ == "__main__":
    main()
