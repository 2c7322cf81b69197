"""Both pages in a real browser; skipped where there is none."""

import html
import re
import shutil
import subprocess

import pytest

from lungscope.report.facts import read_facts
from lungscope.report.run_report import format_report

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]

FRAME = """<!DOCTYPE html><title></title>
<iframe style="width: {width}px; height: 900px; border: 0" srcdoc="{page}"></iframe>
<script>addEventListener("load", () => {{
  const inside = document.querySelector("iframe").contentDocument;
  document.title = [
    inside.defaultView.innerWidth,
    inside.documentElement.scrollWidth,
    [...inside.images].filter(image => !image.naturalWidth).length,
  ].join(" ");
}});</script>"""
"""A window has a least width, a frame has none."""


@pytest.fixture
def browse(tmp_path):
    """Opens HTML; gives the DOM and what the console was told."""

    def browse(text):
        page = tmp_path / "page.html"
        page.write_text(text, encoding="utf-8")
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += ["--enable-logging=stderr", "--disable-background-networking"]
        command += ["--virtual-time-budget=2000", f"--user-data-dir={tmp_path / 'profile'}"]
        command += ["--dump-dom", page.as_uri()]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
        console = [line for line in ended.stderr.splitlines() if "CONSOLE" in line]
        return ended.stdout, console

    return browse


@pytest.fixture(scope="module")
def text(make_run, make_split):
    split = make_split(("Lung Opacity", "Normal", "Pseudopseudohypoparathyroidism" * 2))
    return format_report(read_facts(make_run(split)))


def test_the_browser_asks_for_nothing_and_has_nothing_to_complain_of(browse, text):
    # what a page may not load, its policy refuses, and the console is told
    _, told = browse(text.replace("</body>", '<img src="http://127.0.0.1:9/"></body>'))
    assert len(told) == 1
    dom, told = browse(text)
    assert told == []
    assert "Research software, not for diagnosis." in dom


@pytest.mark.parametrize("width", [320, 400, 1000])
def test_it_never_scrolls_sideways_and_every_picture_is_drawn(browse, text, width):
    dom, _ = browse(FRAME.format(width=width, page=html.escape(text)))
    window, content, broken = map(int, re.search(r"<title>(.*?)</title>", dom)[1].split())
    assert window == width
    assert content <= window
    assert broken == 0
