"""Patient Orientation: lateral images are refused, frontal ones are turned upright."""

import numpy as np
import pytest

from dicom_files import COLUMNS, RAMP8, ROWS, dataset, written
from lungscope.errors import UnwantedImage
from lungscope.images import ANYTHING, read_content
from lungscope.images.dicom.orientation import read_orientation

STORED = np.float32(RAMP8 / 255)
UPRIGHT = {  # how the stored pixels become L\\F: rows to the patient's left, columns to the feet
    "L\\F": lambda stored: stored,
    "R\\F": lambda stored: stored[:, ::-1],
    "L\\H": lambda stored: stored[::-1],
    "R\\H": lambda stored: stored[::-1, ::-1],
    "F\\L": lambda stored: stored.T,
    "F\\R": lambda stored: stored.T[:, ::-1],
    "H\\L": lambda stored: stored.T[::-1],
    "H\\R": lambda stored: stored.T[::-1, ::-1],
}


def read(value, accept=None, **elements):
    """Reads an image with the bytes of a Patient Orientation, whatever they are."""
    made = dataset(RAMP8, PatientOrientation="0" * (len(value) + len(value) % 2), **elements)
    content = written(made)
    place = content.index(b"\x20\0\x20\0CS") + 8
    padded = value.ljust(len(value) + len(value) % 2).encode("latin-1")
    content = content[:place] + padded + content[place + len(padded) :]
    return read_content(content, "a.dcm", *([accept] if accept else []))


@pytest.mark.parametrize("value", UPRIGHT)
def test_a_frontal_image_is_turned_upright(value):
    radiograph = read(value)
    np.testing.assert_array_equal(radiograph.pixels, UPRIGHT[value](STORED))
    assert str(radiograph.acquisition.orientation) == value


@pytest.mark.parametrize("value", ["LF\\FP", "l\\f", " L \\ F ", "L\\F\0", "LA\\FL", "LFP\\FPR"])
def test_it_is_known_in_every_spelling(value):
    assert str(read(value).acquisition.orientation) == "L\\F"


@pytest.mark.parametrize(
    "value", ["A\\F", "P\\F", "AF\\FP", "a\\f", "P \\F", "F\\A", "H\\P", "AL\\F"]
)
def test_a_lateral_image_is_refused_for_it_unless_anything_is_accepted(value):
    with pytest.raises(UnwantedImage, match="from the side, which is no frontal view") as caught:
        read(value)
    assert caught.value.code == "patient-orientation"
    radiograph = read(value, ANYTHING)
    assert (radiograph.height, radiograph.width) == (ROWS, COLUMNS)


def test_the_reason_quotes_it():
    with pytest.raises(UnwantedImage, match=r"its patient orientation is P\\F:"):
        read("PL\\FA", ViewPosition="")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "L",
        "L\\",
        "\\F",
        "L\\R",
        "L\\L",
        "X\\F",
        "L\\F\\F",
        "LE\\D",
        "left\\foot",
        "A\\P",
        "Â\\F",
    ],
)
def test_what_says_nothing_changes_nothing(value):
    radiograph = read(value)
    np.testing.assert_array_equal(radiograph.pixels, STORED)
    assert radiograph.acquisition.orientation is None


def test_a_single_value_is_half_an_orientation():
    assert read_orientation(("A",)) is None
