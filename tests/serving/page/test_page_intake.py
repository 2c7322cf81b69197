"""How images come to the page, and what the page says of those that do not."""

import shutil

import pytest

pytestmark = pytest.mark.process

expect = pytest.importorskip("playwright.sync_api").expect


def drop_folder(page, *paths):
    """As a hand drops it; files that a script makes have no folders."""
    browser = page.context.new_cdp_session(page)
    box = page.locator("#main").bounding_box()
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})


def names(page):
    return page.locator("#frames bdi").all_text_contents()


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


@pytest.fixture
def study(tmp_path, radiographs):
    """A folder as archives write them: images, DICOM without an ending, and other files."""
    folder = tmp_path / "study"
    images = ("10/img.png", "2/img.png", "2/.hidden.png", "9.PNG", ".git/img.png")
    for name in images:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(radiographs[0], folder / name)
    dicom = b"\0" * 128 + b"DICM" + b"\0" * 60
    for name in ("IM0001", "DICOMDIR"):
        (folder / name).write_bytes(dicom)
    (folder / "notes.txt").write_text("no image")
    (folder / "short").write_bytes(b"DICM")
    return folder


def test_of_a_dropped_folder_the_images_are_taken_under_their_paths(page, stub, study):
    drop_folder(page, study)
    expect(page.locator("#frames > li[data-state=answered]")).to_have_count(4)
    assert names(page) == ["study/2/img.png", "study/9.PNG", "study/10/img.png", "study/IM0001"]
    expect(page.locator("#frames .name").first).to_have_attribute("title", "study/2/img.png")
    assert sorted(name for name, _ in stub.asked) == ["9.PNG", "IM0001", "img.png", "img.png"]


def test_a_file_that_is_dropped_beside_a_folder_is_taken_whatever_it_is(page, study, tmp_path):
    (tmp_path / "chest").write_bytes(b"no image")
    drop_folder(page, tmp_path / "chest", study)
    expect(page.locator("#frames > li")).to_have_count(5)
    assert names(page)[0] == "chest"


def test_a_folder_of_more_than_a_hundred_files_is_sorted_as_one(page, radiographs, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(1, 131):
        shutil.copy(radiographs[0], folder / f"{number}.png")
    drop_folder(page, folder)
    expect(page.locator("#frames > li")).to_have_count(130)
    assert names(page) == [f"many/{number}.png" for number in range(1, 131)]


def test_a_folder_without_images_is_said_so_until_that_is_dismissed(page, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no image")
    drop_folder(page, tmp_path / "empty")
    notice = page.get_by_role("region", name="Notice")
    expect(notice).to_contain_text("No images were dropped.")
    expect(page.get_by_role("status").first).to_contain_text("No images were dropped.")
    notice.get_by_role("button", name="Dismiss").click()
    expect(notice).to_be_hidden()
    expect(page.get_by_role("button", name="Choose images")).to_be_focused()


def allow_fewer(page, most, counted):
    """With limits that a test reaches in a moment."""

    def served(route):
        text = route.fetch().text()
        for old, new in (("MOST = 2000;", most), ("COUNTED = 100_000;", counted)):
            assert old in text
            text = text.replace(old, f"{old.split(' ')[0]} = {new};")
        route.fulfill(body=text, content_type="text/javascript")

    page.route("**/intake.js", served)
    page.reload()


@pytest.mark.parametrize(
    ("counted", "text"), [(100, "5 images beyond"), (3, "More than 3 images beyond")]
)
def test_images_beyond_the_limit_are_counted_and_that_stays_in_sight(
    page, radiographs, tmp_path, counted, text
):
    allow_fewer(page, 2, counted)
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(7):
        shutil.copy(radiographs[0], folder / f"{number}.png")
    drop_folder(page, folder)
    notice = page.get_by_role("region", name="Notice")
    expect(notice).to_contain_text(text)
    expect(page.get_by_role("status").first).not_to_be_empty()
    expect(page.locator("#frames > li[data-state=answered]")).to_have_count(2)
    expect(notice).to_be_visible()


def test_chosen_images_beyond_the_limit_are_counted_too(page, radiographs):
    allow_fewer(page, 2, 100)
    page.set_input_files("#files", [str(file) for file in radiographs[:3]])
    expect(page.get_by_role("region", name="Notice")).to_contain_text("1 image beyond")
    expect(page.locator("#frames > li")).to_have_count(2)
