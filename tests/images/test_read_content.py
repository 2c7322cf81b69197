"""Bytes without a file become the radiograph, or the refusal, that a file of them would."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_files import IDENTIFIERS, LOSSLESS, NATIVE, RAMP8, RAMP12, dataset, jpeg, written
from lungscope.errors import UnreadableImage, UnwantedImage
from lungscope.images import ANYTHING, read, read_content, reading

JPEG = jpeg(RAMP8)
FILES = {
    "a.jpg": JPEG,
    **{f"{syntax.keyword}.dcm": written(dataset(RAMP12, 12), syntax) for syntax in NATIVE},
    **{f"{syntax.keyword}.dcm": written(dataset(RAMP12, 12), syntax) for syntax in LOSSLESS},
}
CT = written(dataset(RAMP8, Modality="CT"))


@pytest.mark.parametrize("name", FILES)
def test_it_reads_what_a_file_of_the_same_bytes_reads(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    from_file, from_bytes = read(tmp_path / name), read_content(FILES[name], name)
    np.testing.assert_array_equal(from_file.pixels, from_bytes.pixels)
    for field in ("format", "mode", "bits", "acquisition", "identifiers", "chroma"):
        assert getattr(from_file, field) == getattr(from_bytes, field)
    assert str(from_bytes.path) == name


def test_no_file_is_touched(tmp_path):
    (tmp_path / "a.jpg").write_bytes(JPEG)
    radiograph = read_content(FILES["ImplicitVRLittleEndian.dcm"], str(tmp_path / "b.dcm"))
    assert radiograph.format == "DICOM"
    assert not (tmp_path / "b.dcm").exists()
    assert read_content(JPEG, "../../etc/passwd").format == "JPEG"


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "a.png", "the file is empty (0 bytes)"),
        (b"no image", "a.png", "it is not a DICOM, PNG, JPEG, TIFF, BMP or WebP image"),
        (JPEG, "a.png", "it is a JPEG image, though named .png; rename it to a.jpg"),
        (JPEG[:-200], "a.jpg", "the JPEG data is damaged or cut short"),
        (CT, "a.dcm", "its modality is CT, not CR, DR or DX"),
        (written(dataset(RAMP8, Rows=None)), "a.dcm", "its Rows is missing"),
        (written(dataset(np.zeros_like(RAMP8))), "a", "every pixel has the same value"),
    ],
)
def test_it_refuses_what_a_file_of_the_same_bytes_is_refused_for(tmp_path, content, name, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableImage) as of_file:
        read(tmp_path / name)
    with pytest.raises(UnreadableImage) as of_bytes:
        read_content(content, name)
    assert of_bytes.value.reason.startswith(reason)
    assert of_bytes.value.reason == of_file.value.reason
    assert str(of_bytes.value) == f"{name}: {of_bytes.value.reason}"
    assert type(of_bytes.value) is type(of_file.value)


def test_more_bytes_than_the_limit(monkeypatch):
    monkeypatch.setattr(reading, "LARGEST_FILE", len(JPEG) - 1)
    with pytest.raises(UnreadableImage, match="is over the limit"):
        read_content(JPEG, "a.jpg")


def test_the_policy_is_the_callers():
    with pytest.raises(UnwantedImage):
        read_content(CT, "a.dcm")
    assert read_content(CT, "a.dcm", ANYTHING).acquisition.modality == "CT"


@given(st.text(max_size=600))
def test_any_name_is_told_short_and_in_one_line(name):
    with pytest.raises(UnreadableImage) as caught:
        read_content(b"no image", name)
    told = str(caught.value).removesuffix(f": {caught.value.reason}")
    assert told.isprintable()
    assert 1 <= len(told) <= reading.LONGEST_NAME
    assert pickle.loads(pickle.dumps(caught.value)).path == caught.value.path  # noqa: S301


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("scan\r\nInjected: header.png", "scanInjected: header.png"),
        ("\x1b[31mred\x07.png", "[31mred.png"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("Müller Röntgen 胸.png", "Müller Röntgen 胸.png"),
        ("\0\n", "unnamed"),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_name_loses_what_does_not_print(name, told):
    with pytest.raises(UnreadableImage) as caught:
        read_content(b"no image", name)
    assert str(caught.value).startswith(f"{told}: ")


@pytest.mark.parametrize("name", ["", ".", "..", "/", ".png", "a/", "a.jpg."])
def test_names_that_are_none_say_nothing(name):
    for content in (JPEG, FILES["ImplicitVRLittleEndian.dcm"]):
        assert read_content(content, name).width == RAMP8.shape[1]


def test_it_prints_no_identifier():
    printed = repr(read_content(FILES["RLELossless.dcm"], "a.dcm"))
    assert not any(value in printed for value in IDENTIFIERS.values())
