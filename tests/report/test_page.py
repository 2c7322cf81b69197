import base64

import pytest
from jinja2 import UndefinedError
from PIL import Image

from lungscope.errors import LungscopeError
from lungscope.figures.style import figure
from lungscope.report import page
from lungscope.report.page import embed_figure, fill_html, fill_markdown


@pytest.fixture
def templates(monkeypatch):
    """Lets a test bring its own template."""
    from jinja2 import DictLoader

    return lambda **texts: monkeypatch.setattr(page, "PackageLoader", lambda _: DictLoader(texts))


def test_a_picture_is_carried_byte_for_byte_at_the_size_it_was_drawn_for(tmp_path):
    path = tmp_path / "drawn.png"
    with figure(path, 4, 3) as drawn:
        drawn.subplots().plot([0, 1])
    found = embed_figure(path, "alt", "caption")
    assert base64.b64decode(found.uri.removeprefix("data:image/png;base64,")) == path.read_bytes()
    assert found.width == pytest.approx(4 * 96, abs=25)
    assert found.height == pytest.approx(3 * 96, abs=25)


@pytest.mark.parametrize("content", [b"", b"<svg onload='alert(1)'/>", b"\x89PNG\r\n\x1a\n1234"])
def test_what_is_no_png_is_refused(tmp_path, content):
    (tmp_path / "figure.png").write_bytes(content)
    with pytest.raises(LungscopeError, match=r"figure\.png"):
        embed_figure(tmp_path / "figure.png", "", "")


def test_another_format_under_the_name_is_refused(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "figure.gif")
    with pytest.raises(LungscopeError, match="not a PNG"):
        embed_figure(tmp_path / "figure.gif", "", "")


def test_a_cut_off_png_is_refused(tmp_path):
    Image.effect_noise((64, 64), 50).save(tmp_path / "figure.png")
    content = bytearray((tmp_path / "figure.png").read_bytes())
    content[200:300] = bytes(100)
    (tmp_path / "figure.png").write_bytes(content)
    with pytest.raises(LungscopeError, match="damaged PNG"):
        embed_figure(tmp_path / "figure.png", "", "")


def test_a_huge_picture_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "LARGEST", 2**20)
    (tmp_path / "figure.png").write_bytes(bytes(2**20 + 1))
    with pytest.raises(LungscopeError, match="over 1 MiB"):
        embed_figure(tmp_path / "figure.png", "", "")


def test_a_name_that_is_not_given_is_an_error(templates):
    templates(page="{{ absent }}")
    with pytest.raises(UndefinedError):
        fill_html("page", {})


def test_values_are_escaped(templates):
    templates(page="<i>{{ value }}</i>")
    assert fill_html("page", {"value": "<b>&'\""}) == "<i>&lt;b&gt;&amp;&#39;&#34;</i>"
    told = fill_markdown("page", {"value": "<b>|*_`[#\\\n"})
    assert told == r"<i>&lt;b&gt;\|\*\_\`\[\#\\ </i>"
