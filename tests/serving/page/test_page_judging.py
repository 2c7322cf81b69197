"""A reader's verdict on an answer."""

import csv
import io
import re
from pathlib import Path

import pytest

from lungscope.feedback import assess_feedback, read_judgements

pytestmark = pytest.mark.process

expect = pytest.importorskip("playwright.sync_api").expect


def drop(page, *files):
    page.set_input_files("#files", [str(file) for file in files])
    expect(page.locator(".judging")).to_be_visible()


def button(page, name):
    return page.locator(".judging").get_by_role("button", name=name)


def saved(page, folder):
    with page.expect_download() as download:
        button(page, "Save verdicts, CSV").click()
    assert re.fullmatch(r"verdicts-\d{4}-\d\d-\d\d-\d{4}\.csv", download.value.suggested_filename)
    path = folder / "verdicts.csv"
    path.write_bytes(Path(download.value.path()).read_bytes())
    return path


def test_verdicts_are_saved_as_the_table_that_assess_reads(page, named, tmp_path):
    drop(page, named("a.png"))
    predicted = page.locator("h2.headline").inner_text()
    button(page, "Right").click()
    drop(page, named("b.png"))
    page.locator(".frame").nth(1).click()
    expect(page.locator(".file")).to_contain_text("b.png")
    other = next(
        each
        for each in ("Lung Opacity", "Normal")
        if each != page.locator("h2.headline").inner_text()
    )
    page.get_by_label("Class of this image").select_option(other)
    path = saved(page, tmp_path)
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert [row["verdict"] for row in rows] == ["accept", "correct"]
    assert rows[0]["predicted"] == predicted
    assert rows[1]["reader_class"] == other
    assert len({row["result"] for row in rows}) == 2
    assert not any("a.png" in cell for row in rows for cell in row.values())
    found = assess_feedback(read_judgements(path))
    assert (found.judged, found.ppv.value) == (2, 0.5)


def test_a_verdict_can_be_changed_and_withdrawn(page, radiographs):
    drop(page, radiographs[0])
    button(page, "Wrong").click()
    expect(button(page, "Wrong")).to_have_attribute("aria-pressed", "true")
    button(page, "Right").click()
    expect(button(page, "Wrong")).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".judging .hint")).to_contain_text("1 verdict kept in this browser")
    expect(button(page, "Right")).to_be_focused()
    button(page, "Right").click()
    expect(page.locator(".judging .hint")).to_have_text(
        "Verdicts are kept in this browser, without names of files."
    )


def test_where_the_model_abstains_only_a_class_can_be_named(page, named, tmp_path):
    drop(page, named("unsure.png"))
    expect(button(page, "Right")).to_have_count(0)
    page.keyboard.press("a")
    expect(page.locator(".judging .hint")).to_contain_text("Verdicts are kept")
    page.get_by_label("Class of this image").select_option("Normal")
    (row,) = read_judgements(saved(page, tmp_path))
    assert (row.predicted, row.verdict, row.reader_class) == (None, "correct", "Normal")


def test_keys_give_verdicts(page, radiographs):
    drop(page, radiographs[0])
    page.keyboard.press("r")
    expect(button(page, "Wrong")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("a")
    expect(button(page, "Right")).to_have_attribute("aria-pressed", "true")


def test_verdicts_outlive_the_page_until_they_are_forgotten(page, radiographs):
    drop(page, radiographs[0])
    button(page, "Right").click()
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    drop(page, radiographs[1])
    expect(page.locator(".judging .hint")).to_contain_text("1 verdict kept")
    expect(button(page, "Right")).to_have_attribute("aria-pressed", "false")
    button(page, "Forget them").click()
    expect(page.locator(".judging .hint")).to_contain_text("Verdicts are kept")


def test_what_else_is_in_the_store_is_no_verdict(page, radiographs):
    page.evaluate("localStorage.setItem('lungscope.verdicts', '[null, 3, {}]')")
    page.reload()
    drop(page, radiographs[0])
    expect(page.locator(".judging .hint")).to_contain_text("Verdicts are kept")


def test_a_class_explained_leaves_the_verdict(page, radiographs):
    drop(page, radiographs[0])
    button(page, "Right").click()
    page.get_by_role("radio", name="Viral Pneumonia").check()
    expect(page.locator("#evidence h3")).to_have_text("Evidence for Viral Pneumonia")
    expect(button(page, "Right")).to_have_attribute("aria-pressed", "true")
