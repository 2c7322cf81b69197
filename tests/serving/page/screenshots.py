"""Draws docs/images/page-*.png: python tests/serving/page/screenshots.py docs/images.

The real service and its model answer for phantoms, which are drawings: it mostly says that they
are no chest X-rays, and is right.
"""

import io
import os
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from real_service import real_service

from lungscope.phantom import write_phantoms

CHROMIUM = os.environ.get("LUNGSCOPE_CHROMIUM", "/usr/bin/chromium")
WIDE, NARROW = (1280, 800), (360, 760)


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place, real_service() as url, sync_playwright() as drawn:
        radiographs = sorted(write_phantoms(Path(place) / "phantoms", 24, size=512).glob("*/*.png"))
        answered = next(each for each in radiographs if each.name == "Normal-0002.png")
        others = [each for each in radiographs if each != answered][:11]
        browser = drawn.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = shown(browser, url, WIDE, "dark", [answered])
        save(page, folder / "page-answer.png")
        page = shown(browser, url, WIDE, "light", [answered, *others])
        page.mouse.move(0, 0)
        save(page, folder / "page-many.png")
        page = shown(browser, url, WIDE, "dark", [others[1]])
        save(page, folder / "page-no-answer.png")
        page = shown(browser, url, NARROW, "dark", [answered])
        save(page, folder / "page-phone.png")
        browser.close()


def shown(
    browser: Browser, url: str, size: tuple[int, int], theme: str, radiographs: list[Path]
) -> Page:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.add_init_script(f"localStorage.setItem('lungscope.theme', '{theme}')")
    page.add_init_script("localStorage.setItem('lungscope.heatmap', 'on')")
    page.goto(url)
    expect(page.locator("#show-model .model-name")).not_to_contain_text("loading", timeout=60_000)
    page.set_input_files("#files", [str(file) for file in radiographs])
    expect(page.locator(".class")).to_have_count(3, timeout=60_000)
    expect(page.locator("[data-state=waiting], [data-state=sending]")).to_have_count(
        0, timeout=60_000
    )
    page.wait_for_timeout(500)
    return page


def save(page: Page, path: Path) -> None:
    """With 64 levels a colour: a fourth of the size, and nothing is seen of it."""
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.point([level & 0xFC | level >> 6 for level in range(256)] * 3).save(path, optimize=True)
    page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
