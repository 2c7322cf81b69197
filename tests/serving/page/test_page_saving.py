"""Answers as files."""

import csv
import io
import json
from pathlib import Path

import pytest

from lungscope.inference.rows import columns

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def answered(page, films, named):
    page.set_input_files(
        "#files", [str(file) for file in (films[0], named("photo.png"), named("broken.png"))]
    )
    expect(page.locator("#progress-text")).to_have_text("3 images")
    expect(page.locator("#overlay")).to_be_visible()
    return page


def saved(page, button):
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_json_has_the_rows_of_the_service(answered):
    name, content = saved(answered, "Answers, JSON")
    assert name == "lungscope.json"
    told = json.loads(content)
    assert told["disclaimer"] == "Research software, not for diagnosis."
    first, photo, broken = told["predictions"]
    assert first["probabilities"][first["label"]] == 0.94
    assert "heatmap" not in first
    assert photo["abstained"] is True
    assert broken == {
        "file": "broken.png",
        "error": "damaged PNG: its end is missing; send it again",
    }


def test_csv_has_the_columns_of_lungscope_predict(answered, stub):
    name, content = saved(answered, "Answers, CSV")
    assert name == "lungscope.csv"
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert list(rows[0]) == columns(stub.classes, with_ids=False)
    assert [row["file"] for row in rows][1:] == ["photo.png", "broken.png"]
    assert [row["abstained"] for row in rows] == ["false", "true", ""]
    assert "damaged PNG" in rows[2]["error"]
    assert sum(float(rows[0][f"probability:{name}"]) for name in stub.classes) == pytest.approx(1)


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t"])
def test_csv_holds_no_formula(page, named, begin):
    page.set_input_files("#files", str(named(f'{begin}1+cmd|"x",1.png')))
    expect(page.locator(".class.best")).to_be_visible()
    _, content = saved(page, "Answers, CSV")
    row = next(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert row["file"].startswith("'" + begin) or begin == "\t"
    assert row["file"][0] not in "=+-@\t"


def test_png_is_the_services_picture_of_the_class_that_is_looked_at(answered):
    label = answered.locator("h2.headline").inner_text()
    name, content = saved(answered, "Picture, PNG")
    assert name.endswith(f"-{label.replace(' ', '-')}.png")
    assert content.startswith(b"\x89PNG")


def test_a_saved_pictures_name_is_no_path(page, stub, named):
    stub.classes = ("../../etc/passwd", "Normal", "C:\\x")
    page.set_input_files("#files", str(named("a b%2f..png")))
    expect(page.locator("#overlay")).to_be_visible()
    name, _ = saved(page, "Picture, PNG")
    assert not set("/\\:% ") & set(name)
    assert not name.startswith(".")
