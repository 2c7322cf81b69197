"""Which images the strip lists, and in which order."""

import pytest

pytestmark = pytest.mark.process

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def many(page, named):
    """Four answers of two kinds, one that is unreadable and one without an answer."""
    names = ("d.png", "a.png", "photo.png", "b.png", "broken.png", "e.png")
    page.set_input_files("#files", [str(named(name)) for name in names])
    expect(page.locator("#progress-text")).to_have_text("6 images")
    return page


def shown(page, *names):
    frames = page.locator("#frames > li:visible")
    expect(frames).to_have_count(len(names))
    for position, name in enumerate(names):
        expect(frames.nth(position)).to_contain_text(name)


def test_images_are_listed_as_they_were_added(many):
    shown(many, "d.png", "a.png", "photo.png", "b.png", "broken.png", "e.png")


def test_those_without_an_answer_or_that_failed_can_be_listed_alone(many):
    many.get_by_label("Show").select_option("No answer")
    shown(many, "photo.png")
    expect(many.locator(".file")).to_contain_text("photo.png")
    many.get_by_label("Show").select_option("Failed")
    shown(many, "broken.png")
    many.get_by_label("Show").select_option("All images")
    shown(many, "d.png", "a.png", "photo.png", "b.png", "broken.png", "e.png")


def test_images_of_a_class_can_be_listed_alone(many):
    named = many.locator("#frames > li:visible", has_text="%").count()
    counts = []
    for name in many.locator("#filter option").all_inner_texts()[3:]:
        many.get_by_label("Show").select_option(name)
        expect(many.locator("#frames > li:visible .frame-state").first).to_contain_text(name)
        counts.append(many.locator("#frames > li:visible").count())
    assert sum(counts) == named == 4


def test_images_can_be_listed_by_name_and_keys_follow_the_list(many):
    many.get_by_label("Order").select_option("By name")
    shown(many, "a.png", "b.png", "broken.png", "d.png", "e.png", "photo.png")
    many.locator(".frame").first.click()
    many.keyboard.press("j")
    expect(many.locator(".file")).to_contain_text("b.png")


def test_those_without_a_probability_come_first_or_last(many):
    many.get_by_label("Order").select_option("Least probable first")
    expect(many.locator("#frames > li:visible").nth(5)).not_to_contain_text("photo.png")
    expect(many.locator("#frames > li:visible").first).to_contain_text("photo.png")
    many.get_by_label("Order").select_option("Most probable first")
    expect(many.locator("#frames > li:visible").nth(5)).to_contain_text("broken.png")


def test_a_list_without_images_says_so(page, radiographs):
    page.set_input_files("#files", [str(file) for file in radiographs[:2]])
    expect(page.locator("#progress-text")).to_have_text("2 images")
    page.get_by_label("Show").select_option("Failed")
    expect(page.get_by_text("No image of this kind.")).to_be_visible()
    expect(page.locator(".class.best")).to_be_visible()


def test_an_image_that_is_not_accepted_is_told_from_one_that_cannot_be_read(page, named):
    page.set_input_files("#files", str(named("lateral.png")))
    expect(page.locator("h2.headline")).to_have_text("Not accepted")
    expect(page.locator(".reason")).to_contain_text("Its view position is LL")
