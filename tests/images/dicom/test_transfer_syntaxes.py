import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom import uid

from dicom_files import RAMP8, RAMP12, dataset, with_frame
from lungscope.errors import UnreadableImage
from lungscope.images import TRANSFER_SYNTAXES, TransferSyntax, read_content
from lungscope.images.dicom import transfer_syntaxes

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "add-a-dicom-syntax.md"
FIRST, SECOND = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES.values(), ids=lambda each: each.name)
def test_uids_names_and_kinds_are_those_of_the_standard(syntax):
    registered = uid.UID(syntax.uid)
    assert registered.name == syntax.name
    assert registered.is_encapsulated == syntax.encapsulated
    assert bool(syntax.plugin) == bool(syntax.package) == syntax.encapsulated


@pytest.fixture
def zlib_syntax():
    """The syntax that the page adds, for one test."""
    before = dict(TRANSFER_SYNTAXES)
    names = {}
    exec(SECOND, names)  # noqa: S102  the page is ours
    yield names["zlib_syntax"]
    TRANSFER_SYNTAXES.clear()
    TRANSFER_SYNTAXES.update(before)


@pytest.mark.parametrize(("samples", "bits"), [(RAMP8, 8), (RAMP12, 12)])
def test_the_syntax_that_the_page_adds_is_read(zlib_syntax, samples, bits):
    frame = zlib.compress(samples.tobytes())
    content = with_frame(dataset(samples, bits), frame, uid.UID(zlib_syntax.uid))
    expected = np.float32(samples / (2**bits - 1))
    np.testing.assert_array_equal(read_content(content, "a.dcm").pixels, expected)


def test_a_damaged_frame_of_it_is_refused(zlib_syntax):
    frame = zlib.compress(RAMP8.tobytes())[:40]
    content = with_frame(dataset(RAMP8), frame, uid.UID(zlib_syntax.uid))
    with pytest.raises(UnreadableImage, match="its Zlib data is damaged or cut short"):
        read_content(content, "a.dcm")


def test_the_entry_that_the_page_shows_is_a_syntax_that_pydicom_decodes():
    entry = eval(FIRST, vars(transfer_syntaxes))  # noqa: S307  the page is ours
    assert isinstance(entry, TransferSyntax)
    assert entry.uid == uid.HTJ2KLossless
    assert entry.encapsulated
