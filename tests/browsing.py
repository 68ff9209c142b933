"""A real browser on the server's pages, which watches what must never happen."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
# Frames per second are not what is tested, and a container has no sandbox of its own.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
PATIENCE = 15_000  # milliseconds
SERIOUS = {"serious", "critical"}


@dataclass
class Tab:
    """A page of the browser, at the server's address.

    Attributes:
        complaints: of the console, among them violations of the Content-Security-Policy, and
            exceptions.
        foreign: requests that went elsewhere.
    """

    page: Any
    address: str
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> None:
        self.page.goto(self.address + path)
        self.page.wait_for_load_state("networkidle")

    def type(self, text: str) -> None:
        """Put messages into the box, and wait for all answers."""
        self.page.fill("#messages", text)
        shown = "[...document.querySelectorAll('.answer .text')].map(one => one.textContent)"
        self.page.wait_for_function(f"lines => {shown}.join('\\n') === lines", arg=text)

    def wait(self, condition: str) -> None:
        """Until an expression is true."""
        self.page.wait_for_function(f"() => {condition}")

    def texts(self, selector: str) -> list[str]:
        return list(self.page.locator(selector).all_inner_texts())

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).first.inner_text())

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def choose_file(self, name: str, content: bytes) -> None:
        sent = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        self.page.set_input_files("#file-input", files=[sent])

    def drop(self, name: str, content: str) -> None:
        """Drop a file on the page, as from a file manager."""
        self.page.evaluate(
            """([name, content]) => {
                const data = new DataTransfer();
                data.items.add(new File([content], name));
                const told = {dataTransfer: data, bubbles: true, cancelable: true};
                document.body.dispatchEvent(new DragEvent("dragover", told));
                document.body.dispatchEvent(new DragEvent("drop", told));
            }""",
            [name, content],
        )

    def overflows(self) -> bool:
        """Whether one would have to scroll sideways."""
        root = "document.documentElement"
        return bool(self.page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))

    def findings(self) -> list[str]:
        """What axe finds that is serious or critical."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [
            f"{each['id']}: {[node['target'] for node in each['nodes']]}"
            for each in found
            if each["impact"] in SERIOUS
        ]

    def forgive(self, pattern: str) -> None:
        """The browser itself writes failed requests to the console; those were meant to fail."""
        self.complaints = [text for text in self.complaints if not re.search(pattern, text)]


@contextmanager
def browser() -> Iterator[Any]:
    """The browser, until the block ends."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        try:
            yield running
        finally:
            running.close()


@contextmanager
def tab(browser: Any, address: str, width: int = 1280, dark: bool = False) -> Iterator[Tab]:
    """A tab without history; at the end nothing must have been complained about or fetched."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        accept_downloads=True,
    )
    context.set_default_timeout(PATIENCE)
    opened = Tab(context.new_page(), address)
    opened.page.on("console", lambda message: opened.complaints.append(message.text))
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))

    def seen(request: Any) -> None:
        if not request.url.startswith((address, f"blob:{address}")):
            opened.foreign.append(request.url)

    opened.page.on("request", seen)
    try:
        yield opened
        assert opened.complaints == []
        assert opened.foreign == []
    finally:
        with suppress(Exception):
            context.close()
