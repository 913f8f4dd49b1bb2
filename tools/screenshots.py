#!/usr/bin/env python3
"""Retakes the pictures of docs/desk.md from the demo that `./dev run` serves.

    .venv/bin/python tools/screenshots.py [ADDRESS]

Use a fresh demo (delete its two databases first), so that the pictures are the same each time.
"""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).resolve().parent.parent / "docs" / "pictures"
DESKTOP, TABLET = {"width": 1200, "height": 800}, {"width": 768, "height": 1024}


def _pictures(page: Page) -> None:
    def take(name: str, size: dict[str, int], path: str) -> None:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.goto(path)
        page.screenshot(path=DOCS / f"{name}.png")

    take("list", DESKTOP, ".?event_slot_id=1")
    page.goto("days/")
    day = page.url
    take("day", DESKTOP, day)
    take("day-tablet", TABLET, f"{day}?q=Adey")
    take("places", TABLET, f"{day}places/")
    take("somebody-new", TABLET, f"{day}walk-in/?new=yes")
    take("planning", DESKTOP, "planning/")
    take("overview", DESKTOP, "/admin/")
    take("report", DESKTOP, "report/")
    page.goto(".?q=Miller")
    page.get_by_label("Select this object for an action").last.check()
    page.get_by_label("Action:").select_option("cancel")
    page.get_by_role("button", name="Go").click()
    page.screenshot(
        path=DOCS / "confirmation.png", clip={"x": 0, "y": 0, "width": 1200, "height": 560}
    )


def main(address: str) -> None:
    DOCS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=as_root)
        page = browser.new_page(base_url=f"{address}/admin/registrations/eventregistration/")
        page.goto(f"{address}/admin/")
        page.get_by_label("Username").fill("coordinator")
        page.get_by_label("Password").fill("demo")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Planning").wait_for()
        _pictures(page)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
