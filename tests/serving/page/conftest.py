"""A real browser, phantoms to show it, and a service that answers it."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stub_service import Stub, stub_service

from lungscope.phantom import write_phantoms

CHROMIUM = Path(os.environ.get("LUNGSCOPE_CHROMIUM", "/usr/bin/chromium"))


@pytest.fixture(scope="module")
def browser():
    """Of a module and not of the session: while it runs, no other event loop can."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}; apt-get install chromium, or name one in LUNGSCOPE_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    with stub_service() as stub:
        yield stub


@pytest.fixture
def page(browser, stub):
    """The page of the stub. At the end: no request went elsewhere, and the console is clean."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, accept_downloads=True, color_scheme="dark"
    )
    page = context.new_page()
    page.add_init_script("localStorage['lungscope.heatmap'] ??= 'on'")
    page.set_default_timeout(8000)
    requests, faults = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(stub.url)
    yield page
    context.close()
    own = (stub.url, "blob:" + stub.url, "data:")
    assert [each for each in requests if not each.startswith(own)] == []
    # a refused request is an "error" of the console too, and is what some tests are about
    assert [each for each in faults if not each.startswith("Failed to load resource")] == []


@pytest.fixture(scope="session")
def radiographs(tmp_path_factory) -> list[Path]:
    """Six phantoms of 256 x 256."""
    folder = write_phantoms(tmp_path_factory.mktemp("radiographs") / "phantoms", 6, size=256)
    return sorted(folder.glob("*/*.png"))


@pytest.fixture(scope="session")
def named(tmp_path_factory, radiographs):
    """Makes a copy of a phantom under another name."""
    folder = tmp_path_factory.mktemp("named")

    def copy(name: str) -> Path:
        path = folder / name
        path.write_bytes(radiographs[0].read_bytes())
        return path

    return copy


@pytest.fixture(scope="session")
def deep_png(tmp_path_factory) -> Path:
    """A PNG of 16 bits a pixel, of which a browser would show the upper 8: nothing."""
    path = tmp_path_factory.mktemp("deep") / "deep.png"
    levels = np.arange(256 * 256, dtype=np.uint16).reshape(256, 256) % 256
    Image.fromarray(levels).save(path)
    return path
