"""A real Chromium before a real site: its own copy of the demo, served with a worker."""

import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from portal.demo.people import PASSWORD
from tests.stack import ROOT, Installation, free_port, wait_until

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
)


@dataclass(frozen=True)
class Site:
    """A served installation; `at` makes an address of a path in the demo's project."""

    address: str
    installation: Installation

    def at(self, path: str = "") -> str:
        return f"{self.address}/p/flight-delays/{path}"


@pytest.fixture(scope="session")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None and os.environ.get("CI"):
        pytest.fail("Chromium is not installed, and CI does without nothing.")
    if found is None:
        pytest.skip("The browser tests need Chromium, which is not installed.")
    return found


@pytest.fixture(scope="session")
def site(chromium, demo: Installation, tmp_path_factory) -> Iterator[Site]:
    """The demo as its command left it, copied so that what people click stays here."""
    folder = tmp_path_factory.mktemp("site") / "data"
    shutil.copytree(demo.folder, folder)
    copied = Installation(folder, f"sqlite:///{folder / 'touchstone.sqlite3'}")
    port = free_port()
    web = ["gunicorn", "portal.wsgi:application", "-b", f"127.0.0.1:{port}", "-w", "1"]
    worker = ["celery", "-A", "portal", "worker", "-B", "-c", "2", "-n", "browser@%h"]
    with (folder / "served.log").open("ab") as log:
        children = [
            subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=copied.environment,
                stdout=log,
                stderr=log,
            )
            for command in ([*web, "--threads", "8"], [*worker, "-l", "WARNING"])
        ]
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(f"{address}/healthz"), seconds=60, what="the site to answer")
        yield Site(address, copied)
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(timeout=30)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def browser(chromium, site) -> Iterator[Browser]:
    """Started last and ended with its module: while it runs, Django refuses the database here."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh visitor whose console must stay free of errors and of refused content."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    opened = context.new_page()
    heard: list[str] = []
    opened.on("pageerror", lambda error: heard.append(f"page error: {error}"))
    opened.on(
        "console",
        lambda said: heard.append(said.text) if said.type == "error" else None,
    )
    opened.set_default_timeout(15_000)
    yield opened
    # A refusal on purpose is reported by the browser like an error of loading.
    on_purpose = ("status of 403", "status of 429")
    unexpected = [line for line in heard if not any(known in line for known in on_purpose)]
    context.close()
    assert not unexpected, unexpected


def sign_in(page: Page, site: Site, username: str, password: str = PASSWORD) -> None:
    page.goto(f"{site.address}/accounts/login/")
    page.fill("[name=username]", username)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_load_state()


@pytest.fixture
def shots() -> Path | None:
    """Where README pictures go; None unless they were asked for."""
    return ROOT / "docs" / "images" if os.environ.get("TOUCHSTONE_SCREENSHOTS") else None
