"""The page and the real service behind it."""

import re
import secrets
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, uid
from pydicom.dataset import FileMetaDataset
from real_service import real_service

from lungscope.inference.exported import GRAPH, find_model

pytest.importorskip("fastapi")
expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(
        not (find_model() / GRAPH).is_file(), reason="this checkout has no bundled model"
    ),
]
TOKEN = secrets.token_hex(16)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with real_service("--max-upload", "1", token=TOKEN) as url:
        yield url


@pytest.fixture
def page(browser, url):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)  # other tests may keep the machine busy
    faults, requests = [], []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("request", lambda request: requests.append(request.url))
    page.goto(url)
    page.get_by_role("textbox", name="Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#show-model")).to_contain_text("mobilenet-lung")
    yield page
    expect.set_options(timeout=5000)
    context.close()
    assert [each for each in requests if not each.startswith((url, "blob:", "data:"))] == []
    assert [each for each in faults if not each.startswith("Failed to load resource")] == []


def test_a_phantom_gets_an_answer_and_evidence_for_every_class(page, radiographs):
    page.set_input_files("#files", str(radiographs[0]))
    expect(page.locator(".class")).to_have_count(3)
    for label in page.locator(".class-name").all_inner_texts():
        page.get_by_role("radio", name=label).check()
        expect(page.locator("#evidence h3")).to_have_text(f"Evidence for {label}")
        expect(page.locator("#overlay")).to_be_visible()


def test_a_photograph_gets_no_answer(page, tmp_path):
    levels = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(levels).save(tmp_path / "photo.png")
    page.set_input_files("#files", str(tmp_path / "photo.png"))
    expect(page.locator("h2.headline")).to_have_text("No answer")
    expect(page.locator(".verdict .reason")).to_contain_text("It is in colour")


def test_an_image_of_16_bits_is_shown_as_the_service_sees_it(page, radiographs, tmp_path):
    levels = np.asarray(Image.open(radiographs[0]).convert("L"), dtype=np.uint16) * 16
    Image.fromarray(levels).save(tmp_path / "deep.png")
    page.set_input_files("#files", str(tmp_path / "deep.png"))
    expect(page.locator("#radiograph")).to_be_visible()
    assert page.locator("#radiograph").evaluate("image => image.naturalHeight") == 256
    expect(page.locator(".class")).to_have_count(3)


def test_a_dicom_file_is_shown_and_its_view_is_listed(page, radiographs, tmp_path):
    levels = np.asarray(Image.open(radiographs[0]).convert("L"), dtype=np.uint16) * 16
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = uid.ComputedRadiographyImageStorage, uid.generate_uid()
    made.PatientName, made.PatientID = "Kowalczyk^Zenobia", "PID-774411"
    made.Modality, made.BodyPartExamined, made.ViewPosition = "CR", "CHEST", "PA"
    made.Rows, made.Columns = levels.shape
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME1"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.PixelData = levels.tobytes()
    made.save_as(tmp_path / "chest.dcm", enforce_file_format=True)
    page.set_input_files("#files", str(tmp_path / "chest.dcm"))
    expect(page.locator("#radiograph")).to_be_visible()
    page.locator("summary").click()
    expect(page.locator(".facts")).to_contain_text("CR, CHEST, PA")
    assert "Kowalczyk" not in page.content()
    assert "774411" not in page.content()


def test_what_cannot_be_read_and_what_is_too_large_is_said(page, tmp_path):
    (tmp_path / "notes.txt").write_text("no radiograph")
    (tmp_path / "large.png").write_bytes(secrets.token_bytes(3 * 2**20))
    page.set_input_files("#files", [str(tmp_path / "notes.txt"), str(tmp_path / "large.png")])
    states = page.locator(".frame-state")
    expect(states.nth(0)).to_have_text("Could not be read")
    expect(states.nth(1)).to_have_text(re.compile("Too large|No connection"))


def test_a_wrong_token_is_refused(browser, url):
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)
    page.get_by_role("textbox", name="Token").fill("wrong" * 4)
    page.keyboard.press("Enter")
    expect(page.locator("#token-error")).to_have_text("The service rejected this token.")
    context.close()
