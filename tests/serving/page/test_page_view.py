"""Looking closer, with the mouse and without one."""

import io

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.process

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def shown(page, radiographs):
    """The page with six images, of which the first has its answer and heatmap."""
    page.set_input_files("#files", [str(file) for file in radiographs])
    expect(page.locator("#overlay")).to_be_visible()
    expect(page.locator("#frames > li[data-state=answered]")).to_have_count(6)
    return page


def middle(page):
    box = page.locator("#stage").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def layers(page):
    return page.locator("#layers").evaluate(
        "layers => [layers.getBoundingClientRect()].map(({x, y, width}) => [x, y, width])[0]"
    )


def test_the_image_is_the_largest_thing_on_the_page(shown):
    def area(selector):
        box = shown.locator(selector).bounding_box()
        return box["width"] * box["height"]

    assert area("#radiograph") > area("#answer") + area("#strip")


def test_inverting_leaves_the_heat_as_it_is(shown):
    shown.get_by_role("button", name="Invert").click()
    expect(shown.locator("#radiograph")).to_have_css("filter", "invert(1)")
    expect(shown.locator("#overlay")).to_have_css("filter", "none")
    shown.get_by_role("button", name="Invert").click()
    expect(shown.locator("#radiograph")).to_have_css("filter", "none")


def greys(page):
    """What is seen of the radiograph in the middle of the stage, in [0, 1]."""
    box = page.locator("#radiograph").bounding_box()
    clip = {"x": box["x"] + box["width"] / 4, "y": box["y"] + box["height"] / 4}
    shot = page.screenshot(clip=clip | {"width": box["width"] / 2, "height": box["height"] / 2})
    return np.asarray(Image.open(io.BytesIO(shot)).convert("L")) / 255


@pytest.mark.parametrize("inverted", [False, True])
def test_window_and_level_spread_the_greys(shown, inverted):
    shown.get_by_role("button", name="Heatmap").click()
    shown.get_by_role("button", name="Window").click()  # its sliders take room of the stage
    before = greys(shown)
    assert np.ptp(before) > 0.2
    shown.get_by_label("Width").fill("40")
    shown.get_by_label("Level").fill("30")
    if inverted:
        shown.get_by_role("button", name="Invert").click()
    expected = np.clip((before - 0.3) / 0.4 + 0.5, 0, 1)
    wrong = np.abs(greys(shown) - (1 - expected if inverted else expected))
    assert np.quantile(wrong, 0.99) < 0.03  # a level of 255 becomes 2.5
    if inverted:
        shown.get_by_role("button", name="Invert").click()
    shown.get_by_role("button", name="Reset").click()
    np.testing.assert_array_equal(greys(shown), before)


def test_a_drag_with_the_right_button_sets_window_and_level(shown):
    x, y = middle(shown)
    place = layers(shown)
    shown.mouse.move(x, y)
    shown.mouse.down(button="right")
    shown.mouse.move(x - 150, y + 100, steps=3)
    shown.mouse.up(button="right")
    shown.keyboard.press("w")
    box = shown.locator("#stage").bounding_box()
    assert int(shown.get_by_label("Width").input_value()) == pytest.approx(
        100 - 15000 / box["width"], abs=2
    )
    assert int(shown.get_by_label("Level").input_value()) == pytest.approx(
        50 + 10000 / box["height"], abs=4
    )
    assert layers(shown)[2] == pytest.approx(place[2], rel=0.2)  # the sliders take a little room


def test_the_wheel_zooms_where_the_pointer_is(shown):
    x, y = middle(shown)
    x += 100
    left, _, width = layers(shown)
    proportion = (x - left) / width
    shown.mouse.move(x, y)
    shown.mouse.wheel(0, -200)
    expect(shown.locator("#zoom-value")).not_to_have_text("1.0×")
    left, _, width = layers(shown)
    assert (x - left) / width == pytest.approx(proportion, abs=0.005)


def test_dragging_moves_a_zoomed_image_but_not_off_the_stage(shown):
    for _ in range(4):
        shown.get_by_role("button", name="Zoom in").click()
    before = layers(shown)
    x, y = middle(shown)
    shown.mouse.move(x, y)
    shown.mouse.down()
    shown.mouse.move(x + 60, y + 40, steps=3)
    shown.mouse.up()
    after = layers(shown)
    assert [round(b - a) for a, b in zip(before, after, strict=True)] == [60, 40, 0]
    shown.mouse.down()
    shown.mouse.move(x + 5000, y, steps=3)
    shown.mouse.up()
    assert layers(shown)[0] <= x


def test_fit_shows_the_whole_image_again(shown):
    before = layers(shown)
    fit = shown.get_by_role("button", name="Fit")
    expect(fit).to_be_disabled()
    shown.locator("#stage").dblclick()
    expect(shown.locator("#zoom-value")).to_have_text("3.0×")
    fit.click()
    assert layers(shown) == before


def test_keys_do_what_the_buttons_do(shown):
    pressed = shown.keyboard.press
    pressed("i")
    expect(shown.locator("#radiograph")).to_have_css("filter", "invert(1)")
    pressed("h")
    expect(shown.locator("#overlay")).to_have_css("opacity", "0")
    pressed("h")
    pressed("[")
    expect(shown.locator("#overlay")).to_have_css("opacity", "0.4")
    pressed("+")
    expect(shown.locator("#zoom-value")).to_have_text("1.3×")
    pressed("0")
    expect(shown.locator("#zoom-value")).to_have_text("1.0×")
    pressed("3")
    expect(shown.locator("#evidence h3")).to_have_text("Evidence for Viral Pneumonia")
    pressed("j")
    expect(shown.locator(".frame").nth(1)).to_have_attribute("aria-current", "true")
    pressed("k")
    expect(shown.locator(".frame").nth(0)).to_have_attribute("aria-current", "true")
    pressed("?")
    expect(shown.get_by_role("dialog", name="Keyboard")).to_be_visible()


def test_single_keys_can_be_switched_off_for_good(shown):
    shown.get_by_role("button", name="Keyboard").click()
    shown.get_by_label("Single keys act everywhere on the page").uncheck()
    shown.keyboard.press("Escape")
    shown.keyboard.press("i")
    expect(shown.locator("#radiograph")).to_have_css("filter", "none")
    shown.reload()
    shown.get_by_role("button", name="Keyboard").click()
    expect(shown.get_by_label("Single keys act everywhere on the page")).not_to_be_checked()


def test_everything_is_reached_by_tab_in_the_order_that_it_is_read(shown):
    shown.keyboard.press("Tab")
    order = []
    for _ in range(30):
        order.append(
            shown.evaluate(
                "(at => at.id || at.value || at.textContent.trim())(document.activeElement)"
            )
        )
        shown.keyboard.press("Tab")
    wanted = ["show-model", "choose-more", "switch-theme", "show-keys", "clear", "stage", "invert"]
    wanted += ["heatmap", "opacity", "zoom-in", "Remove", "Answers, JSON", "Answers, CSV", "Print"]
    places = [order.index(each) for each in wanted]
    assert places == sorted(places)
    assert order[0] == "Skip to the image"


def test_the_focus_is_always_seen(shown):
    shown.keyboard.press("Tab")
    while not shown.evaluate("document.activeElement === document.body"):  # once around
        outline = shown.evaluate(
            """(at => [at, at.closest("label")].filter(Boolean).some(each => {
                const style = getComputedStyle(each);
                return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
            }))(document.activeElement)"""
        )
        assert outline, shown.evaluate("document.activeElement.outerHTML.slice(0, 80)")
        shown.keyboard.press("Tab")


def test_an_image_is_chosen_classified_and_explained_without_a_mouse(page, radiographs):
    choosers = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    page.wait_for_timeout(200)  # until the browser knows that it is to hand them over
    page.get_by_role("button", name="Choose images").focus()
    page.keyboard.press("Enter")
    for _ in range(50):
        if choosers:
            break
        page.wait_for_timeout(100)
    choosers[0].set_files([str(file) for file in radiographs[:3]])
    expect(page.locator("#frames > li[data-state=answered]")).to_have_count(3)
    page.locator(".frame").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".frame").nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator(".frame").nth(2)).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.locator(".frame")).to_have_count(2)
    expect(page.locator(".frame").nth(1)).to_be_focused()
    page.locator("input[name=explained]:checked").focus()
    page.keyboard.press("ArrowDown")
    chosen = page.locator("input[name=explained]:checked").get_attribute("value")
    expect(page.locator("#evidence h3")).to_have_text(f"Evidence for {chosen}")
    expect(page.locator("input[name=explained]:checked")).to_be_focused()


def test_delete_removes_images_until_none_is_left(page, radiographs):
    page.set_input_files("#files", [str(file) for file in radiographs[:3]])
    expect(page.locator("#frames > li[data-state=answered]")).to_have_count(3)
    page.locator(".frame").first.focus()
    page.keyboard.press("Delete")
    expect(page.locator(".frame").first).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.locator("#strip")).to_be_hidden()
    expect(page.locator("#stage")).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.get_by_role("button", name="Choose images")).to_be_focused()


def test_single_keys_act_on_a_slider_too_and_leave_it_its_own(shown):
    slider = shown.get_by_label("Opacity of the heatmap")
    slider.focus()
    shown.keyboard.press("i")
    expect(shown.locator("#radiograph")).to_have_css("filter", "invert(1)")
    shown.keyboard.press("j")
    expect(shown.locator(".frame").nth(1)).to_have_attribute("aria-current", "true")
    for key, value in {"ArrowRight": "55", "PageDown": "45", "Home": "0", "End": "100"}.items():
        shown.keyboard.press(key)
        expect(slider).to_have_value(value)
    expect(shown.locator(".frame").nth(1)).to_have_attribute("aria-current", "true")


def test_arrows_move_a_zoomed_image_on_the_stage(shown):
    shown.locator("#stage").focus()
    for _ in range(5):
        shown.keyboard.press("+")
    before = layers(shown)
    shown.keyboard.press("ArrowRight")
    after = layers(shown)
    assert after[0] < before[0]
    assert after[1] == before[1]


def test_the_film_comes_first_and_the_heatmap_when_asked_for(page, radiographs):
    page.evaluate("localStorage['lungscope.heatmap'] = 'off'")
    page.reload()
    page.set_input_files("#files", str(radiographs[0]))
    overlay, switch = page.locator("#overlay"), page.get_by_role("button", name="Heatmap")
    expect(overlay).to_be_visible()
    expect(overlay).to_have_css("opacity", "0")
    expect(switch).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("h")
    expect(overlay).to_have_css("opacity", "0.5")
    page.reload()
    expect(page.locator("#heatmap")).to_have_attribute("aria-pressed", "true")


def test_who_asks_for_the_evidence_of_a_class_sees_it(page, radiographs):
    page.evaluate("localStorage['lungscope.heatmap'] = 'off'")
    page.reload()
    page.set_input_files("#files", str(radiographs[0]))
    page.get_by_role("radio", name="Viral Pneumonia").check()
    expect(page.locator("#overlay")).to_have_css("opacity", "0.5")


def test_where_there_is_no_picture_there_is_nothing_to_invert_or_zoom(page, stub, tmp_path):
    file = tmp_path / "chest.dcm"
    file.write_bytes(b"\0" * 128 + b"DICM")
    stub.go_on.clear()
    page.set_input_files("#files", str(file))
    tools = [page.locator(f"#{name}") for name in ("invert", "window", "zoom-in")]
    for tool in tools:
        expect(tool).to_be_disabled()
    stub.go_on.set()
    for tool in tools:
        expect(tool).to_be_enabled()
