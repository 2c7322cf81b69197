import re
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from pydicom import uid

from dicom_files import RAMP8, RAMP12, dataset, with_frame
from lungscope.errors import UnreadableImage
from lungscope.images import TRANSFER_SYNTAXES, TransferSyntax, read_content
from lungscope.images.dicom import transfer_syntaxes

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "add-a-dicom-syntax.md"
FUNCTIONS, ENTRY, OF_PYDICOM = re.findall(
    r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES.values(), ids=lambda each: each.name)
def test_uids_names_and_kinds_are_those_of_the_standard(syntax):
    registered = uid.UID(syntax.uid)
    assert registered.is_valid
    if not registered.is_private:
        assert registered.name == syntax.name
        assert registered.is_encapsulated == syntax.encapsulated
    assert bool(syntax.plugin) == bool(syntax.package)
    assert (bool(syntax.plugin) != (syntax.decode is not None)) == syntax.encapsulated


@pytest.fixture
def add_syntax():
    """Adds a syntax, in place of one of its UID, for one test."""
    with mock.patch.dict(TRANSFER_SYNTAXES):
        yield lambda syntax: TRANSFER_SYNTAXES.update({syntax.uid: syntax})


def entry_of(code, functions=""):
    """The entry that the page shows, made where the page says."""
    names = dict(vars(transfer_syntaxes))
    exec(functions, names)  # noqa: S102  the page is ours
    return eval(code, names)  # noqa: S307


@pytest.fixture
def of_the_page(add_syntax):
    syntax = entry_of(ENTRY, FUNCTIONS)
    add_syntax(syntax)
    return uid.UID(syntax.uid)


@pytest.mark.parametrize(
    ("samples", "bits"), [(RAMP8, 8), (RAMP8[:-1, :-1], 8), (RAMP12, 12)], ids=["8", "odd", "12"]
)
def test_the_syntax_that_the_page_adds_is_read(of_the_page, samples, bits):
    content = with_frame(dataset(samples, bits), samples.tobytes(), of_the_page)
    expected = np.float32(samples / (2**bits - 1))
    np.testing.assert_array_equal(read_content(content, "a.dcm").pixels, expected)


def test_a_frame_of_it_that_is_cut_short_is_refused(of_the_page):
    content = with_frame(dataset(RAMP8), RAMP8.tobytes()[:40], of_the_page)
    with pytest.raises(UnreadableImage, match="its frame has 40 bytes, and its pixels take 6300"):
        read_content(content, "a.dcm")


def test_the_other_entry_that_the_page_shows_is_a_syntax_that_pydicom_decodes():
    syntax = entry_of(OF_PYDICOM)
    assert isinstance(syntax, TransferSyntax)
    assert syntax.uid == uid.HTJ2KLossless
    assert syntax.encapsulated


@pytest.fixture
def private(add_syntax):
    """A private syntax, whose frames are zlib streams."""

    def decode(frame, layout):
        samples = zlib.decompressobj().decompress(frame, layout.bytes)
        kind = f"<u{layout.bits_allocated // 8}"
        return np.frombuffer(samples, kind).reshape(layout.rows, layout.columns)

    number = uid.UID("1.2.826.0.1.3680043.8.498.77777")
    add_syntax(
        TransferSyntax(number, "Zlib", inspect=lambda frame, _: (frame, None), decode=decode)
    )
    return number


@pytest.mark.parametrize(("samples", "bits"), [(RAMP8, 8), (RAMP12, 12)])
def test_a_private_syntax_is_read(private, samples, bits):
    content = with_frame(dataset(samples, bits), zlib.compress(samples.tobytes()), private)
    expected = np.float32(samples / (2**bits - 1))
    np.testing.assert_array_equal(read_content(content, "a.dcm").pixels, expected)


def test_a_damaged_frame_of_it_is_refused(private):
    content = with_frame(dataset(RAMP8), zlib.compress(RAMP8.tobytes())[:40], private)
    with pytest.raises(UnreadableImage, match="its Zlib data is damaged or cut short"):
        read_content(content, "a.dcm")
