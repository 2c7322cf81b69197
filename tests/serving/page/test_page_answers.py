"""What a person sees of an answer."""

import re

import numpy as np
import pytest

from lungscope.inference.explain.colour_bar import apply_colours

pytestmark = pytest.mark.process

expect = pytest.importorskip("playwright.sync_api").expect


def drop(page, *files):
    page.set_input_files("#files", [str(file) for file in files])


def test_an_image_is_shown_before_its_answer(page, stub, radiographs):
    stub.go_on.clear()
    drop(page, radiographs[0])
    expect(page.locator("#radiograph")).to_be_visible()
    expect(page.locator("h2.headline")).to_have_text("Classifying …")
    assert page.locator("#radiograph").evaluate("image => image.naturalWidth") == 256
    stub.go_on.set()
    expect(page.locator("h2.headline")).not_to_have_text("Classifying …")


def test_the_class_stands_above_its_probabilities_as_bars(page, radiographs):
    drop(page, radiographs[0])
    best = page.locator(".class.best")
    expect(page.locator("h2.headline")).to_have_text(best.locator(".class-name").inner_text())
    expect(best.locator(".class-probability")).to_have_text("94.0 %")
    widths = page.locator(".bar").evaluate_all(
        "bars => bars.map(bar => bar.firstChild.offsetWidth / bar.offsetWidth)"
    )
    assert sorted(round(width, 1) for width in widths) == [0, 0, 0.9]


def test_the_answer_is_said_aloud(page, radiographs):
    drop(page, radiographs[0])
    expect(page.get_by_role("status").first).to_contain_text("probability 94.0 %")


def test_the_heatmap_lies_exactly_over_the_image(page, radiographs):
    drop(page, radiographs[0])
    overlay = page.locator("#overlay")
    expect(overlay).to_be_visible()
    assert overlay.bounding_box() == page.locator("#radiograph").bounding_box()


def test_its_opacity_follows_the_slider_and_the_button(page, radiographs):
    drop(page, radiographs[0])
    overlay, slider = page.locator("#overlay"), page.get_by_label("Opacity of the heatmap")
    expect(overlay).to_have_css("opacity", "0.5")
    slider.fill("30")
    expect(overlay).to_have_css("opacity", "0.3")
    page.get_by_role("button", name="Heatmap").click()
    expect(overlay).to_have_css("opacity", "0")
    expect(page.get_by_role("button", name="Heatmap")).to_have_attribute("aria-pressed", "false")


def test_one_request_brings_the_answer_and_its_heatmap(page, stub, radiographs):
    drop(page, radiographs[0])
    expect(page.locator("#overlay")).to_be_visible()
    assert stub.asked == [(radiographs[0].name, {"explain": "true"})]


def test_another_class_can_be_explained_and_is_requested_once(page, stub, named):
    drop(page, named("a.png"))
    expect(page.locator("#overlay")).to_be_visible()
    for label in ("Viral Pneumonia", "Lung Opacity", "Viral Pneumonia"):
        page.get_by_role("radio", name=label).check()
        expect(page.locator("#evidence h3")).to_have_text(f"Evidence for {label}")
    expect(page.locator("#overlay")).to_be_visible()
    asked = [wanted.get("class") for _, wanted in stub.asked]
    assert len(asked) == len(set(asked))


def test_attribution_beside_the_lungs_is_a_warning(page, named):
    drop(page, named("edge.png"))
    warning = page.locator(".remark.warning")
    expect(warning).to_have_text(
        "81 % of the attribution is outside the lungs (outlined), more than of evenly spread "
        "attribution (68 %). The score may rest on markers, on the edge of the image or on what "
        "lies beside the lungs."
    )


def test_a_model_without_heatmaps_says_so(page, stub, radiographs):
    stub.heatmaps = False
    drop(page, radiographs[0])
    expect(page.locator("#evidence")).to_have_text("This model has no heatmap.")
    expect(page.get_by_role("button", name="Heatmap")).to_be_disabled()
    expect(page.get_by_role("button", name="Image, PNG")).to_be_disabled()


def test_where_the_model_abstains_no_class_is_named_and_the_reason_is(page, named):
    drop(page, named("photo.png"))
    expect(page.locator("h2.headline")).to_have_text("No answer")
    expect(page.locator(".verdict .reason")).to_contain_text("It is in colour: a photograph")
    expect(page.get_by_role("status").first).to_contain_text("photo.png: no answer.")


def test_where_the_model_abstains_evidence_is_shown_only_when_asked_for(page, named):
    drop(page, named("photo.png"))
    expect(page.locator("h2.headline")).to_have_text("No answer")
    assert page.locator("input[name=explained]:checked").count() == 0
    expect(page.locator("#overlay")).to_be_hidden()
    page.get_by_role("radio", name="Normal").check()
    expect(page.locator("#overlay")).to_be_visible()


def test_of_a_dicom_file_the_services_preview_is_shown(page, stub, tmp_path):
    file = tmp_path / "chest.dcm"
    file.write_bytes(b"\0" * 128 + b"DICM")
    stub.go_on.clear()
    drop(page, file)
    expect(page.locator("#stage-note")).to_contain_text("A preview comes with the answer")
    stub.go_on.set()
    expect(page.locator("#radiograph")).to_be_visible()
    expect(page.locator("#stage-note")).to_be_hidden()
    assert stub.asked == [("chest.dcm", {"explain": "true", "preview": "true"})]


def test_of_a_png_with_16_bits_the_services_preview_is_shown(page, stub, deep_png):
    drop(page, deep_png)
    expect(page.locator("#radiograph")).to_be_visible()
    assert page.locator("#radiograph").evaluate("image => image.naturalHeight") == 720
    assert [wanted.get("preview") for _, wanted in stub.asked] == ["true"]


def test_an_image_that_browsers_cannot_decode_has_a_preview_of_the_service(page, stub, radiographs):
    page.set_input_files(
        "#files",
        {"name": "cut.png", "mimeType": "image/png", "buffer": radiographs[0].read_bytes()[:40]},
    )
    expect(page.locator("#radiograph")).to_be_visible()
    assert page.locator("#radiograph").evaluate("image => image.naturalHeight") == 720


def test_of_many_images_each_has_a_thumbnail_and_an_answer(page, radiographs, named):
    drop(page, *radiographs, named("photo.png"), named("broken.png"))
    expect(page.locator("#progress-text")).to_have_text("8 images")
    states = page.locator("#frames > li").evaluate_all("all => all.map(li => li.dataset.state)")
    assert states == ["answered"] * 6 + ["abstained", "failed"]
    expect(page.locator("#frames img.no-thumbnail")).to_have_count(0)
    counts = "6 answered, 1 without an answer, 1 failed"
    expect(page.locator("#counts")).to_have_text(counts)
    expect(page.get_by_role("status").first).to_have_text(f"{counts}.")


def test_heatmaps_are_asked_for_only_of_images_that_are_selected(page, stub, radiographs):
    drop(page, *radiographs)
    expect(page.locator("#frames > li[data-state=answered]")).to_have_count(6)
    explained = [name for name, wanted in stub.asked if "explain" in wanted]
    assert explained == [radiographs[0].name]
    page.locator(".frame").nth(3).click()
    expect(page.locator("#answer .file-name")).to_have_text(radiographs[3].name)
    expect(page.locator("#overlay")).to_be_visible()
    assert [name for name, wanted in stub.asked if "explain" in wanted] == [
        radiographs[0].name,
        radiographs[3].name,
    ]


def test_images_are_released_when_they_are_removed(page, radiographs):
    page.evaluate(
        """() => {
            globalThis.held = new Set();
            const {createObjectURL, revokeObjectURL} = URL;
            URL.createObjectURL = blob => {
                const address = createObjectURL.call(URL, blob);
                held.add(address);
                return address;
            };
            URL.revokeObjectURL = address => {
                held.delete(address);
                revokeObjectURL.call(URL, address);
            };
        }"""
    )
    drop(page, *radiographs)
    expect(page.locator("#frames img.no-thumbnail")).to_have_count(0)
    expect(page.locator("#overlay")).to_be_visible()
    expect(page.locator("#lungs")).to_be_visible()
    # thumbnails; and of what is looked at the radiograph, the heatmap and the outline
    assert page.evaluate("held.size") == len(radiographs) + 3
    page.get_by_role("button", name="Remove all").click()
    page.get_by_role("button", name="Remove them").click()
    expect(page.locator("#intake")).to_be_visible()
    assert page.evaluate("held.size") == 0


def test_a_removed_image_gives_way_to_its_neighbour(page, radiographs):
    drop(page, radiographs[0], radiographs[1])
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("#answer .file-name")).to_have_text(radiographs[1].name)
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("button", name="Choose images")).to_be_focused()


def test_the_model_shows_its_name_its_hash_and_its_card(page):
    button = page.get_by_role("button", name="mobilenet-lung 33bc4012")
    button.click()
    dialog = page.get_by_role("dialog", name="Model")
    expect(dialog).to_contain_text(
        "33bc40127d0e6a1b5c1fd9a6b2a1b0a1e6c4f0b7a9d8c7e6f5a4b3c2d1e0f9a8"
    )
    expect(dialog).to_contain_text("the distance from the training images is over 41.50")
    expect(dialog.get_by_role("heading", name="Intended use")).to_be_visible()
    expect(dialog.locator("li").first).to_have_text(
        re.compile("^Research on, and teaching of, .* in \\[0, 1\\]; lungscope audit.$")
    )
    expect(dialog.locator("td")).to_have_text(["1", "a stub"])
    assert dialog.locator("a").evaluate_all("all => all.map(a => a.href)") == [
        "https://arxiv.org/abs/2408.13180"
    ]
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()


def test_research_use_stays_in_sight(page, radiographs):
    line = page.get_by_text("Research software, not for diagnosis", exact=True)
    drop(page, *radiographs)
    page.set_viewport_size({"width": 360, "height": 640})
    page.mouse.wheel(0, 2000)
    expect(line).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Keyboard").click()
    expect(line).to_be_in_viewport(ratio=1)


def test_the_outline_lies_over_the_image_as_long_as_the_heatmap_does(page, radiographs, named):
    drop(page, radiographs[0], named("photo.png"))
    outline, radiograph = page.locator("#lungs"), page.locator("#radiograph")
    expect(outline).to_be_visible()
    assert outline.bounding_box() == radiograph.bounding_box()
    expect(outline).to_have_css("pointer-events", "none")
    page.get_by_role("button", name="Heatmap").click()
    expect(outline).to_be_hidden()
    page.get_by_role("button", name="Heatmap").click()
    expect(outline).to_be_visible()
    page.locator(".frame").nth(1).click()
    expect(outline).to_be_hidden()


def test_the_legend_is_as_transparent_as_the_heatmap(page, radiographs):
    drop(page, radiographs[0])
    expect(page.locator(".scale")).to_have_css("background-image", re.compile("gradient"))
    # Asked of whichever legend is in the page at that moment: an answer is drawn more than once.
    painted = page.evaluate(
        "getComputedStyle(document.querySelector('.scale')).backgroundImage",
    )
    stops = [
        [float(part) for part in each.split(",")]
        for each in re.findall(r"rgba?\(([^)]*)\)", painted)
    ]
    expected = apply_colours(np.linspace(0, 1, 9, dtype=np.float32)[None])[0]
    assert [stop[:3] for stop in stops] == expected[:, :3].tolist()
    assert [stop[3] for stop in stops] == pytest.approx(expected[:, 3] / 255, abs=0.01)


def test_where_an_image_is_refused_its_bars_are_no_probabilities(page, named):
    drop(page, named("photo.png"))
    expect(page.locator(".classes legend")).to_have_text("Probabilities it would have given")
    expect(page.locator(".class.best")).to_have_count(0)


def test_where_only_confidence_lacks_the_bars_are_probabilities(page, named):
    drop(page, named("unsure.png"), named("photo.png"))
    expect(page.locator(".classes legend")).to_have_text("Calibrated probabilities")
    expect(page.locator(".class.best")).to_have_count(1)
    expect(page.locator(".verdict .hint")).to_contain_text("names a class that reaches 60.0 %")
    states = page.locator(".frame-state")
    expect(states.nth(0)).to_have_text("No answer, low confidence")
    expect(states.nth(1)).to_have_text("No answer")


def test_a_warning_stands_below_the_class(page, named):
    drop(page, named("mirrored.png"))
    expect(page.locator(".verdict .sum")).to_contain_text("probability")
    expect(page.locator(".verdict .reason")).to_contain_text("Left and right seem to be exchanged")


def test_remove_all_asks_where_more_than_one_answer_would_go(page, radiographs):
    drop(page, *radiographs[:3])
    expect(page.locator("#frames > li[data-state=answered]")).to_have_count(3)
    page.get_by_role("button", name="Remove all").click()
    dialog = page.get_by_role("dialog", name="Remove all images?")
    expect(dialog).to_contain_text("3 images here have answers. They are not saved.")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#frames > li")).to_have_count(3)
    with page.expect_download():
        page.get_by_role("button", name="Answers, JSON").click()
    page.get_by_role("button", name="Remove all").click()
    expect(dialog).to_contain_text("All are saved.")
    page.get_by_role("button", name="Remove them").click()
    expect(page.get_by_role("button", name="Choose images")).to_be_focused()
    expect(page.locator("#frames > li")).to_have_count(0)


def test_remove_all_does_not_ask_where_there_are_no_answers(page, stub, radiographs):
    stub.go_on.clear()
    drop(page, *radiographs)
    page.get_by_role("button", name="Remove all").click()
    expect(page.get_by_role("button", name="Choose images")).to_be_focused()


def test_the_tab_says_how_far_the_images_are(page, stub, radiographs):
    expect(page).to_have_title("lungscope")
    stub.go_on.clear()
    drop(page, *radiographs)
    expect(page).to_have_title("0 of 6 - lungscope")
    stub.go_on.set()
    expect(page).to_have_title("lungscope")


def test_the_image_that_is_turned_to_is_said_aloud(page, radiographs, named):
    drop(page, *radiographs, named("broken.png"))
    status = page.get_by_role("status").first
    expect(status).to_have_text("6 answered, 1 failed.")
    page.evaluate(
        """globalThis.said = [];
        new MutationObserver(() => said.push(document.querySelector("#announcements").textContent))
            .observe(document.querySelector("#announcements"), {childList: true})"""
    )
    for _ in range(3):
        page.keyboard.press("j")
    expect(status).to_contain_text(f"{radiographs[3].name}: ")
    expect(status).to_contain_text("probability 94.0 %")
    assert len(page.evaluate("said")) == 1  # not of those that were passed by
    page.locator(".frame").nth(6).click()
    expect(status).to_contain_text("broken.png: Could not be read.")


def test_the_class_that_is_chosen_is_said_aloud(page, radiographs):
    drop(page, radiographs[0])
    expect(page.locator("#overlay")).to_be_visible()
    page.keyboard.press("2")
    expect(page.get_by_role("status").first).to_contain_text(
        "Evidence for Normal. 42 % of the attribution is outside the lungs"
    )
