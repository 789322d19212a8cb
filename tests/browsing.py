"""A real browser for tests: Debian's Chromium, without a screen, through Playwright."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LONGEST = 60_000  # milliseconds that anything may take

DROP = """([files, target]) => {
    const data = new DataTransfer();
    for (const [name, content] of files) {
        const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
        data.items.add(new File([bytes], name, { type: "image/png" }));
    }
    const event = target === "paste"
        ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
    document.getElementById("drop").dispatchEvent(event);
}"""
"""In the service's page: drops or pastes files, each a name and base64."""


@contextmanager
def browser() -> Iterator[BrowserContext]:
    """A browser with an empty profile; the test is skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="the browser's tests need playwright")
    if CHROMIUM is None:
        pytest.skip("the browser's tests need Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as profile, sync_api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            args=ARGUMENTS,
            accept_downloads=True,
            permissions=["clipboard-read", "clipboard-write"],
            viewport={"width": 1180, "height": 820},
        )
        context.set_default_timeout(LONGEST)
        try:
            yield context
        finally:
            context.close()


class Watched:
    """A page, and what it must not do: speak with other hosts, complain, fail."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda said: (
                self.complaints.append(said.text)
                if said.type == "error" and "Failed to load resource" not in said.text
                else None
            ),
        )
        self.page.goto(address)
        self._own = "/".join(address.split("/")[:3])

    def _asked(self, url: str) -> None:
        if not url.startswith(("blob:", "data:")):
            self.hosts.add("/".join(url.split("/")[:3]))

    def close(self) -> None:
        """Ends the page; fails if it did what it must not."""
        self.page.close()
        assert self.hosts == {self._own}
        assert self.complaints == []
