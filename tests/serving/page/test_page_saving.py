"""Answers as files."""

import codecs
import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stub_service import Refusal

from lungscope.inference.rows import columns

pytestmark = pytest.mark.process

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def answered(page, radiographs, named):
    page.set_input_files(
        "#files", [str(file) for file in (radiographs[0], named("photo.png"), named("broken.png"))]
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
    assert re.fullmatch(r"lungscope-\d{4}-\d\d-\d\d-\d{4}\.json", name)
    found = json.loads(content)
    assert found["disclaimer"] == "Research software, not for diagnosis."
    ago = datetime.now(UTC) - datetime.fromisoformat(found["saved"])
    assert timedelta() <= ago < timedelta(minutes=5)
    first, photo, broken = found["predictions"]
    assert first["probabilities"][first["predicted"]] == 0.94
    assert "heatmap" not in first
    assert photo["abstained"] is True
    assert broken == {
        "file": "broken.png",
        "error": "damaged PNG: its end is missing; send it again",
    }


def test_an_image_without_an_answer_has_a_row_that_says_why(page, stub, radiographs, named):
    page.set_input_files("#files", str(named("broken.png")))
    expect(page.locator("h2.headline")).to_have_text("Could not be read")
    stub.go_on.clear()
    page.set_input_files("#files", [str(file) for file in radiographs[:4]])
    expect(page.locator("#frames > li[data-state=sending]")).to_have_count(3)
    _, content = saved(page, "Answers, JSON")
    rows = json.loads(content)["predictions"]
    assert [row["file"] for row in rows] == ["broken.png", *(file.name for file in radiographs[:4])]
    assert [row["error"] for row in rows[1:]] == ["not classified yet"] * 4
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#frames > li[data-state=stopped]")).to_have_count(4)
    page.locator(".frame").nth(1).click()
    expect(page.locator("h2.headline")).to_have_text("Stopped")
    _, content = saved(page, "Answers, CSV")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert "damaged PNG" in rows[0]["error"]
    assert [row["error"] for row in rows[1:]] == ["not classified: stopped"] * 4
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    expect(page.get_by_role("button", name="Image, PNG")).to_have_count(0)


def leaves(page):
    """Whether the page is left without a question."""
    asked = []

    def answer(dialog):
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    page.reload()
    return asked == []


def test_answers_that_are_in_no_file_are_not_lost_without_a_question(answered):
    answered.locator(".frame").nth(1).click()  # browsers ask only where a person has done something
    assert not leaves(answered)


@pytest.mark.parametrize("button", ["Answers, JSON", "Answers, CSV"])
def test_answers_that_are_in_a_file_are_let_go(answered, button):
    saved(answered, button)
    answered.locator(".class input").last.check()  # more evidence is no other answer
    expect(answered.locator("#evidence h3")).to_be_visible()
    assert leaves(answered)


def test_an_answer_that_came_after_saving_is_in_no_file(answered, radiographs):
    saved(answered, "Answers, JSON")
    answered.set_input_files("#files", str(radiographs[1]))
    expect(answered.locator("#progress-text")).to_have_text("4 images")
    assert not leaves(answered)


def test_an_uploaded_quotation_mark_is_shown_as_it_is(page, stub, radiographs):
    name = 'a"b.png'
    stub.refusals = [Refusal(400, "a%22b.png: damaged PNG")]
    file = {"name": name, "mimeType": "image/png", "buffer": radiographs[0].read_bytes()}
    page.set_input_files("#files", [file, file])
    expect(page.locator("#progress-text")).to_have_text("2 images")
    _, content = saved(page, "Answers, JSON")
    rows = json.loads(content)["predictions"]
    assert {row["file"] for row in rows} == {name}
    assert {row["error"] for row in rows} == {f"{name}: damaged PNG", None}


def test_csv_has_the_columns_of_lungscope_predict(answered, stub):
    name, content = saved(answered, "Answers, CSV")
    assert re.fullmatch(r"lungscope-\d{4}-\d\d-\d\d-\d{4}\.csv", name)
    assert content.startswith(codecs.BOM_UTF8)  # or Excel takes it for another code page
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
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
    row = next(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert row["file"].startswith("'" + begin) or begin == "\t"
    assert row["file"][0] not in "=+-@\t"


def test_png_is_the_services_image_of_the_selected_class(answered):
    label = answered.locator("h2.headline").inner_text()
    name, content = saved(answered, "Image, PNG")
    assert name.endswith(f"-{label.replace(' ', '-')}.png")
    assert content.startswith(b"\x89PNG")


def test_the_name_of_a_saved_image_is_no_path(page, stub, named):
    stub.classes = ("../../etc/passwd", "Normal", "C:\\x")
    page.set_input_files("#files", str(named("a b%2f..png")))
    expect(page.locator("#overlay")).to_be_visible()
    name, _ = saved(page, "Image, PNG")
    assert not set("/\\:% ") & set(name)
    assert not name.startswith(".")
