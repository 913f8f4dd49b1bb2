"""Debian's Chromium, used as staff use it, against the service over real HTTP."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support import desk

TABLET = {"width": 768, "height": 1024}
DESKTOP = {"width": 1280, "height": 900}

TIMEOUT = 30_000  # milliseconds: six refreshes of the counters, on a busy machine
expect.set_options(timeout=TIMEOUT)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Playwright runs an event loop in this thread; Django would refuse to query beside one.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is not installed: as root, apt-get install chromium"
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium, args=["--disable-dev-shm-usage", *as_root]
        )
        yield running
        running.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Tablets:
    """Pages for logged-in members of staff, and what the browser complained about.

    It complains about anything that violates `default-src 'self'`, any script error, and any
    status of 400 or above.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def __call__(
        self,
        group: str,
        name: str = "anna",
        size: Any = TABLET,
        for_axe: bool = False,
        java_script: bool = True,
    ) -> Page:
        context = self.browser.new_context(
            base_url=f"{self.address}{desk.LIST}",
            viewport=size,
            bypass_csp=for_axe,
            java_script_enabled=java_script,
        )
        self.contexts.append(context)
        session = desk.log_in(group, name).cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": self.address}])
        page = context.new_page()
        page.set_default_timeout(TIMEOUT)
        if not for_axe:  # axe adds scripts and styles that the page itself does not have
            self._watch(page)
        return page

    def _watch(self, page: Page) -> None:
        note = self.complaints.append
        page.on("pageerror", lambda error: note(str(error)))
        page.on("console", lambda message: note(message.text) if message.type == "error" else None)
        page.on("response", lambda r: note(f"{r.status} {r.url}") if r.status >= 400 else None)


@pytest.fixture
def tablet(browser: Browser, service: Any) -> Iterator[Tablets]:
    tablets = Tablets(browser, service.address)
    yield tablets
    for context in tablets.contexts:
        context.close()
    assert tablets.complaints == []
