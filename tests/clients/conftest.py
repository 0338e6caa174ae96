"""A browser for all of a module's tests, a service and pages for each of them."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.clients.servers import FakeFrontdesk, make_app, serve

WIDGET = Path(__file__).parents[2] / "clients" / "widget"
CACHE = Path(os.environ.get("FRONTDESK_CACHE", Path.home() / ".cache" / "frontdesk"))
CHROMIUM = shutil.which("chromium")
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 760},
    "has_touch": True,
    "is_mobile": True,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1100, "height": 800}}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("there is no chromium on this machine")
    expect.set_options(timeout=30_000)  # a test says what comes, not how soon
    sandbox = [] if os.getuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield opened
        opened.close()


@dataclass
class Customer:
    """Somebody on the site, as they see the widget."""

    page: Page
    address: str

    def evaluate(self, code: str) -> object:
        found: object = self.page.evaluate(code)
        return found

    @property
    def launcher(self) -> Locator:
        return self.page.locator(".launcher")

    @property
    def panel(self) -> Locator:
        return self.page.locator("frontdesk-chat .panel")

    @property
    def composer(self) -> Locator:
        return self.panel.locator("textarea")

    def open(self) -> "Customer":
        self.launcher.click()
        self.composer.wait_for()
        return self

    def ask(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Enter")

    def visit(self, path: str = "/", **attributes: str) -> "Customer":
        # localhost and 127.0.0.1 are two origins: the widget comes from another than its page.
        named = {f"data-{name.replace('_', '-')}": value for name, value in attributes.items()}
        query = urlencode({"data-key": "fd_test", "data-link-hosts": "larkstay.example", **named})
        self.page.goto(f"{self.address}{path}?{query}")
        return self

    def press(self, button: str) -> None:
        self.panel.get_by_role("button", name=button).click()

    def heard(self) -> list[str]:
        return [str(event) for event in self.page.evaluate("heard.map(([event]) => event)")]


Arrive = Callable[..., Customer]


@pytest.fixture
def fake() -> FakeFrontdesk:
    return FakeFrontdesk()


@pytest.fixture
def arrive(browser: Browser, fake: FakeFrontdesk) -> Iterator[Arrive]:
    """Opens pages; at the end there were no errors, and nothing was asked of another host."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []
    with serve(make_app(fake)) as port:

        def open_page(*, phone: bool = False, **options: str) -> Customer:
            settings: dict[str, Any] = (
                (PHONE if phone else DESKTOP) | {"reduced_motion": "reduce"} | options
            )
            context = browser.new_context(**settings)
            context.set_default_timeout(30_000)
            contexts.append(context)
            page = context.new_page()
            _watch(page, problems)
            return Customer(page, f"http://localhost:{port}")

        yield open_page
        for context in contexts:
            context.close()
    assert problems == []


def _watch(page: Page, problems: list[str]) -> None:
    def check(url: str) -> None:
        if urlsplit(url).hostname not in {"localhost", "127.0.0.1"}:
            problems.append(f"asked for {url}")

    def read(kind: str, text: str) -> None:
        # The browser itself reports each refused or failed request; these are staged.
        if kind == "error" and not text.startswith("Failed to load resource"):
            problems.append(text)

    page.on("request", lambda request: check(request.url))
    page.on("console", lambda message: read(message.type, message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))


@contextmanager
def offline(customer: Customer) -> Iterator[None]:
    customer.page.context.set_offline(True)
    yield
    customer.page.context.set_offline(False)


@pytest.fixture(scope="session")
def workshop() -> Path:
    """A copy of the sources beside the packages that they are built with, outside of the clone."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("there is no npm on this machine to build the widget with")
    locked = sha256((WIDGET / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = CACHE / f"widget-{locked}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "tsconfig.json", "build.mjs"):
        shutil.copy(WIDGET / name, folder / name)
    shutil.rmtree(folder / "src", ignore_errors=True)
    shutil.copytree(WIDGET / "src", folder / "src")
    if not (folder / "node_modules" / ".package-lock.json").exists():
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        installed = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        if installed.returncode:
            pytest.skip("npm could not fetch what the widget is built with")
    return folder


@pytest.fixture(scope="session")
def axe(workshop: Path) -> str:
    return (workshop / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
