"""Widths, themes, accessibility, print, and markup in names."""

from importlib.resources import files

import pytest
from stub_service import Refusal

pytestmark = pytest.mark.process

expect = pytest.importorskip("playwright.sync_api").expect

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def drop(page, *files):
    page.set_input_files("#files", [str(file) for file in files])


@pytest.fixture
def axe(page):
    """Finds what is serious or critical for people with disabilities."""
    page.add_init_script(script=AXE)  # not as a script of the page: its policy forbids that
    page.reload()

    def check():
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            (each["id"], each["nodes"][0]["html"][:120])
            for each in result["violations"]
            if each["impact"] in ("serious", "critical")
        ]

    return check


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_serious(page, axe, radiographs, named, theme):
    if theme == "light":
        page.get_by_role("button", name="Light theme").click()
    assert axe() == []
    drop(page, *radiographs, named("edge.png"), named("photo.png"), named("broken.png"))
    expect(page.locator("#progress-text")).to_have_text("9 images")
    for number in (0, 6, 7, 8):
        page.locator(".frame").nth(number).click()
        expect(page.locator(".frame").nth(number)).to_have_attribute("aria-current", "true")
        page.wait_for_timeout(150)
        assert axe() == []
    for button in ("Keyboard", "Model mobilenet-lung 33bc4012"):
        page.get_by_role("button", name=button).click()
        assert axe() == []
        page.keyboard.press("Escape")


def test_axe_finds_nothing_serious_in_the_token_dialog(page, axe, stub):
    stub.bearer = "right"
    page.reload()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert axe() == []


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_is_wider_than_the_window(page, radiographs, named, width):
    def overflow():
        return page.evaluate("document.documentElement.scrollWidth - innerWidth")

    page.set_viewport_size({"width": width, "height": 740})
    assert overflow() <= 0
    drop(page, *radiographs, named("photo-" + "long-name-" * 12 + ".png"), named("broken.png"))
    expect(page.locator("#progress-text")).to_have_text("8 images")
    for number in (0, 6, 7):
        page.locator(".frame").nth(number).click()
        assert overflow() <= 0
    page.locator(".frame").first.click()
    page.locator("summary").click()
    assert overflow() <= 0


@pytest.mark.parametrize("width", [320, 1280])
def test_a_long_name_stays_one_line_beside_its_button(page, radiographs, named, width):
    page.set_viewport_size({"width": width, "height": 740})
    drop(page, named("n" * 240 + "-0001.png"))
    expect(page.locator(".class.best")).to_be_visible()
    name, button = page.locator(".file .short-name"), page.get_by_role("button", name="Remove")
    assert name.bounding_box()["height"] < 30
    assert button.bounding_box()["height"] < 40
    assert button.evaluate("button => button.scrollWidth <= button.clientWidth")
    ending = name.locator("span").last
    assert (
        ending.evaluate("end => end.getBoundingClientRect().right") <= (button.bounding_box()["x"])
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, 1001, 1280])
def test_the_strips_head_keeps_its_height_and_nothing_in_it_overlaps(
    page, stub, radiographs, named, width
):
    page.set_viewport_size({"width": width, "height": 740})
    stub.go_on.clear()
    stub.refusals = [Refusal(500, "A fault.")] * 2
    drop(page, *radiographs, named("photo.png"))
    expect(page.locator("#progress-text")).to_have_text("0 of 7")
    top = page.locator("#frames").bounding_box()["y"]
    stub.go_on.set()
    expect(page.locator("#counts")).to_have_text("4 answered, 1 without an answer, 2 failed")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    assert page.locator("#frames").bounding_box()["y"] == pytest.approx(top, abs=1)
    boxes = [
        page.locator(each).bounding_box()
        for each in ("#progress-text", "#counts", "#again", "#clear")
    ]
    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            beside = (
                one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            )
            below = (
                one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
            )
            assert beside or below
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_long_class_names_have_room_at_360_px(page, stub, radiographs):
    stub.classes = ("A" * 60, "Normal", "Bronchopulmonary dysplasia of prematurity, with a name")
    page.set_viewport_size({"width": 360, "height": 740})
    drop(page, radiographs[0])
    expect(page.locator(".class.best")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_theme_is_the_systems(page):
    assert brightness(page) < 40
    page.emulate_media(color_scheme="light")
    expect(page.get_by_role("button", name="Light theme")).to_have_attribute("aria-pressed", "true")
    assert brightness(page) > 200


def test_a_theme_that_was_chosen_stays_whatever_the_system_prefers(page):
    switch = page.get_by_role("button", name="Light theme")
    switch.click()
    switch.click()
    page.emulate_media(color_scheme="light")
    assert brightness(page) < 40


def test_the_light_theme_is_remembered(page):
    switch = page.get_by_role("button", name="Light theme")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    page.reload()
    assert brightness(page) > 200
    expect(switch).to_have_attribute("aria-pressed", "true")
    switch.click()
    assert brightness(page) < 40


def test_the_stage_is_black_in_the_light_theme_too(page, radiographs):
    page.get_by_role("button", name="Light theme").click()
    drop(page, radiographs[0])
    expect(page.locator("#stage")).to_have_css("background-color", "rgb(0, 0, 0)")


def brightness(page):
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return max(int(part) for part in colour[4:-1].split(","))


def test_the_page_works_where_storage_is_forbidden(page, stub, radiographs):
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden'); }})"
    )
    page.reload()
    page.get_by_role("button", name="Light theme").click()
    assert brightness(page) > 200
    drop(page, radiographs[0])
    expect(page.locator(".class.best")).to_be_visible()


def test_nothing_moves_for_people_who_prefer_that(page, stub, radiographs):
    page.emulate_media(reduced_motion="reduce")
    stub.go_on.clear()
    drop(page, radiographs[0])
    bar = page.locator(".skeleton.moving span").first
    expect(bar).to_have_css("animation-name", "none")
    page.emulate_media(reduced_motion="no-preference")
    expect(bar).to_have_css("animation-name", "breathe")


def test_a_printed_sheet_has_the_answer_and_the_research_line_and_no_buttons(page, radiographs):
    drop(page, radiographs[0])
    expect(page.locator("#overlay")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_text("Research software, not for diagnosis", exact=True)).to_be_visible()
    expect(page.locator("h2.headline")).to_be_visible()
    expect(page.locator("#radiograph")).to_be_visible()
    expect(page.locator("#overlay")).to_be_visible()
    for hidden in (".tools", ".saves", "#choose-more", "#switch-theme"):
        expect(page.locator(hidden)).to_be_hidden()
    assert page.pdf().count(b"/Type /Page\n") <= 1


def test_a_printed_sheet_has_no_legend_where_there_is_no_heatmap(page, radiographs):
    drop(page, radiographs[0])
    expect(page.locator("#overlay")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".scale")).to_be_visible()
    expect(page.locator("#lungs")).to_be_visible()
    page.emulate_media(media="screen")
    page.get_by_role("button", name="Heatmap").click()
    page.emulate_media(media="print")
    expect(page.locator(".scale")).to_be_hidden()
    expect(page.locator("#lungs")).to_be_hidden()


MARKUP = '<img src=x onerror="document.body.dataset.hacked=1">'


def test_markup_in_the_name_of_a_file_is_text(page, radiographs):
    name = MARKUP.replace('"', "'") + ".png"
    for _ in range(2):
        page.set_input_files(
            "#files", {"name": name, "mimeType": "image/png", "buffer": radiographs[0].read_bytes()}
        )
    expect(page.locator("#answer .file-name")).to_have_text(name)
    expect(page.locator(".frame bdi").first).to_have_text(name)
    assert page.evaluate("document.body.dataset.hacked") is None
    assert page.locator("img[src=x]").count() == 0


def test_markup_in_classes_reasons_and_cards_is_text(page, stub, radiographs):
    stub.classes = (MARKUP, "<b>Normal</b>", "<script>document.body.dataset.hacked=1</script>")
    stub.card = f"# {MARKUP}\n\n- **{MARKUP}**\n- [x](javascript:document.body.dataset.hacked=1)"
    page.reload()
    drop(page, radiographs[0])
    expect(page.locator(".class-name")).to_have_text(list(stub.classes))
    page.get_by_role("button", name="Model mobilenet-lung").click()
    expect(page.locator(".card h3")).to_have_text(MARKUP)
    assert page.locator(".card a").count() == 0
    assert page.evaluate("document.body.dataset.hacked") is None


def test_markup_in_a_problem_is_text(page, stub, radiographs):
    stub.refusals = [Refusal(400, MARKUP)]
    drop(page, radiographs[0])
    expect(page.locator("#answer .reason")).to_contain_text(MARKUP)
    assert page.evaluate("document.body.dataset.hacked") is None
