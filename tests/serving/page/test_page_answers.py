"""What a person sees of an answer."""

import re
import shutil

import pytest

expect = pytest.importorskip("playwright.sync_api").expect


def drop(page, *files):
    page.set_input_files("#files", [str(file) for file in files])


def test_an_image_is_shown_before_its_answer(page, stub, films):
    stub.go_on.clear()
    drop(page, films[0])
    expect(page.locator("#radiograph")).to_be_visible()
    expect(page.locator("h2.headline")).to_have_text("Being classified …")
    assert page.locator("#radiograph").evaluate("image => image.naturalWidth") == 256
    stub.go_on.set()
    expect(page.locator("h2.headline")).not_to_have_text("Being classified …")


def test_the_class_stands_above_its_probabilities_as_bars(page, films):
    drop(page, films[0])
    best = page.locator(".class.best")
    expect(page.locator("h2.headline")).to_have_text(best.locator(".class-name").inner_text())
    expect(best.locator(".class-probability")).to_have_text("94.0 %")
    widths = page.locator(".bar").evaluate_all(
        "bars => bars.map(bar => bar.firstChild.offsetWidth / bar.offsetWidth)"
    )
    assert sorted(round(width, 1) for width in widths) == [0, 0, 0.9]


def test_the_answer_is_said_aloud(page, films):
    drop(page, films[0])
    expect(page.get_by_role("status").first).to_contain_text("probability 94.0 %")


def test_the_heatmap_lies_exactly_over_the_image(page, films):
    drop(page, films[0])
    overlay = page.locator("#overlay")
    expect(overlay).to_be_visible()
    assert overlay.bounding_box() == page.locator("#radiograph").bounding_box()


def test_its_opacity_follows_the_slider_and_the_button(page, films):
    drop(page, films[0])
    overlay, slider = page.locator("#overlay"), page.get_by_label("Opacity of the heatmap")
    expect(overlay).to_have_css("opacity", "0.5")
    slider.fill("30")
    expect(overlay).to_have_css("opacity", "0.3")
    page.get_by_role("button", name="Heatmap").click()
    expect(overlay).to_have_css("opacity", "0")
    expect(page.get_by_role("button", name="Heatmap")).to_have_attribute("aria-pressed", "false")


def test_one_request_brings_the_answer_and_its_heatmap(page, stub, films):
    drop(page, films[0])
    expect(page.locator("#overlay")).to_be_visible()
    assert stub.asked == [(films[0].name, {"explain": "true"})]


def test_another_class_can_be_explained_and_is_asked_for_once(page, stub, named):
    drop(page, named("a.png"))
    expect(page.locator("#overlay")).to_be_visible()
    for label in ("Viral Pneumonia", "Lung Opacity", "Viral Pneumonia"):
        page.get_by_role("radio", name=label).check()
        expect(page.locator("#evidence h3")).to_have_text(f"Evidence for {label}")
    expect(page.locator("#overlay")).to_be_visible()
    asked = [wanted.get("class") for _, wanted in stub.asked]
    assert len(asked) == len(set(asked))


def test_heat_beside_the_lungs_is_a_warning(page, named):
    drop(page, named("edge.png"))
    warning = page.locator(".remark.warning")
    expect(warning).to_contain_text("81 % of the heat is outside the thorax, more than")


def test_a_model_without_heatmaps_says_so(page, stub, films):
    stub.heatmaps = False
    drop(page, films[0])
    expect(page.locator("#evidence")).to_have_text("This model has no heatmap.")
    expect(page.get_by_role("button", name="Heatmap")).to_be_disabled()
    expect(page.get_by_role("button", name="Picture, PNG")).to_be_disabled()


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


def test_of_a_dicom_file_the_services_picture_is_shown(page, stub, tmp_path):
    file = tmp_path / "chest.dcm"
    file.write_bytes(b"\0" * 128 + b"DICM")
    stub.go_on.clear()
    drop(page, file)
    expect(page.locator("#stage-note")).to_contain_text("Its picture comes with the answer")
    stub.go_on.set()
    expect(page.locator("#radiograph")).to_be_visible()
    expect(page.locator("#stage-note")).to_be_hidden()
    assert stub.asked == [("chest.dcm", {"explain": "true", "preview": "true"})]


def test_of_a_png_with_16_bits_the_services_picture_is_shown(page, stub, deep_png):
    drop(page, deep_png)
    expect(page.locator("#radiograph")).to_be_visible()
    assert page.locator("#radiograph").evaluate("image => image.naturalHeight") == 720
    assert [wanted.get("preview") for _, wanted in stub.asked] == ["true"]


def test_a_picture_that_the_browser_cannot_decode_is_asked_of_the_service(page, stub, films):
    page.set_input_files(
        "#files",
        {"name": "cut.png", "mimeType": "image/png", "buffer": films[0].read_bytes()[:40]},
    )
    expect(page.locator("#radiograph")).to_be_visible()
    assert page.locator("#radiograph").evaluate("image => image.naturalHeight") == 720


def test_a_pasted_image_is_classified(page, stub):
    page.evaluate(
        """async () => {
            const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 64});
            const blob = await new Promise(resolve => canvas.toBlob(resolve));
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([blob], "pasted.png", {type: "image/png"}));
            document.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true}));
        }"""
    )
    expect(page.locator("#answer .file-name")).to_have_text("pasted.png")
    expect(page.locator(".class.best")).to_be_visible()


def test_a_dropped_folder_is_taken_with_all_that_is_below_it(page, films, tmp_path):
    folder = tmp_path / "study"
    for number, name in enumerate(("10.png", "2.png", "deeper/1.png", ".hidden.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(films[number], folder / name)
    browser = page.context.new_cdp_session(page)
    box = page.locator("#main").bounding_box()
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        browser.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})
    expect(page.locator("#frames > li[data-state=answered]")).to_have_count(3)
    names = page.locator("#frames .frame-name").all_text_contents()
    assert names == ["2.png", "10.png", "1.png"]


def test_dropped_images_are_classified_and_the_place_is_shown(page):
    transfer = page.evaluate_handle(
        """async () => {
            const transfer = new DataTransfer();
            const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 64});
            const blob = await new Promise(resolve => canvas.toBlob(resolve));
            for (const name of ["a.png", "b.png"]) transfer.items.add(new File([blob], name));
            return transfer;
        }"""
    )
    page.dispatch_event("#main", "dragover", {"dataTransfer": transfer})
    expect(page.locator("#dropping")).to_be_visible()
    page.dispatch_event("#main", "drop", {"dataTransfer": transfer})
    expect(page.locator("#dropping")).to_be_hidden()
    expect(page.locator("#frames > li[data-state=answered]")).to_have_count(2)


def test_of_many_images_each_has_a_thumbnail_and_an_answer(page, films, named):
    drop(page, *films, named("photo.png"), named("broken.png"))
    expect(page.locator("#progress-text")).to_have_text("8 images")
    states = page.locator("#frames > li").evaluate_all("all => all.map(li => li.dataset.state)")
    assert states == ["answered"] * 6 + ["abstained", "failed"]
    expect(page.locator("#frames img.no-picture")).to_have_count(0)
    expect(page.get_by_role("status").first).to_have_text(
        "7 images classified, 1 without an answer, 1 failed."
    )


def test_heatmaps_are_asked_for_only_of_images_that_are_looked_at(page, stub, films):
    drop(page, *films)
    expect(page.locator("#frames > li[data-state=answered]")).to_have_count(6)
    explained = [name for name, wanted in stub.asked if "explain" in wanted]
    assert explained == [films[0].name]
    page.locator(".frame").nth(3).click()
    expect(page.locator("#answer .file-name")).to_have_text(films[3].name)
    expect(page.locator("#overlay")).to_be_visible()
    assert [name for name, wanted in stub.asked if "explain" in wanted] == [
        films[0].name,
        films[3].name,
    ]


def test_pictures_are_let_go_with_their_images(page, films):
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
    drop(page, *films)
    expect(page.locator("#frames img.no-picture")).to_have_count(0)
    expect(page.locator("#overlay")).to_be_visible()
    assert page.evaluate("held.size") == len(films) + 2  # thumbnails, and what is looked at
    page.get_by_role("button", name="Remove all").click()
    expect(page.locator("#intake")).to_be_visible()
    assert page.evaluate("held.size") == 0


def test_a_removed_image_gives_way_to_its_neighbour(page, films):
    drop(page, films[0], films[1])
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("#answer .file-name")).to_have_text(films[1].name)
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("button", name="Choose images")).to_be_focused()


def test_the_model_shows_its_name_its_hash_and_its_card(page):
    button = page.get_by_role("button", name="mobilenet-lung 33bc4012")
    button.click()
    dialog = page.get_by_role("dialog", name="Model")
    expect(dialog).to_contain_text(
        "33bc40127d0e6a1b5c1fd9a6b2a1b0a1e6c4f0b7a9d8c7e6f5a4b3c2d1e0f9a8"
    )
    expect(dialog).to_contain_text("farther than 41.50 from the training images")
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


def test_research_use_stays_in_sight(page, films):
    line = page.get_by_text("Research software, not for diagnosis", exact=True)
    drop(page, *films)
    page.set_viewport_size({"width": 360, "height": 640})
    page.mouse.wheel(0, 2000)
    expect(line).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Keyboard").click()
    expect(line).to_be_in_viewport(ratio=1)


def test_share_of_evenly_spread_heat_is_that_of_the_package():
    from stub_service import FOLDER

    from lungscope.inference.thorax import EVEN

    told = re.search(r"const EVEN = ([\d.]+);", (FOLDER / "answer.js").read_text())
    assert told is not None
    assert float(told[1]) == round(EVEN, 2)
