"""The page of DICOM conformance is what the code does, and others read its files alike."""

import importlib.util
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread, uid

from lungscope.images import TRANSFER_SYNTAXES

SCRIPT = Path(__file__).parents[3] / "docs" / "conformance.py"
specification = importlib.util.spec_from_file_location("conformance", SCRIPT)
conformance = importlib.util.module_from_spec(specification)
specification.loader.exec_module(conformance)

SYNTAXES = [uid.UID(number) for number in TRANSFER_SYNTAXES]
CONVERTERS = {  # DCMTK's programs that write an uncompressed file of the same values
    uid.JPEGBaseline8Bit: "dcmdjpeg",
    uid.JPEGExtended12Bit: "dcmdjpeg",
    uid.JPEGLossless: "dcmdjpeg",
    uid.JPEGLosslessSV1: "dcmdjpeg",
    uid.JPEGLSLossless: "dcmdjpls",
    uid.JPEGLSNearLossless: "dcmdjpls",
    uid.RLELossless: "dcmdrle",
}


def files(syntax):
    """Each file of a syntax, with its samples and how they are stored."""
    for cell in conformance.CELLS:
        values = conformance.samples(cell)
        try:
            yield cell, values, conformance.encoded(values, cell, "MONOCHROME2", syntax)
        except conformance.NotEncodable:
            continue


def test_the_page_is_up_to_date():
    assert conformance.PAGE.read_text(encoding="utf-8") == conformance.page()


def test_nothing_on_it_is_wrong_and_every_lossless_syntax_is_exact():
    for name, outcomes in conformance.rows():
        assert set(outcomes) <= {"exact", "lossy", ""}, name
        number = name.rsplit("(")[-1].rstrip(")")
        if TRANSFER_SYNTAXES[number].lossless:
            assert set(outcomes) == {"exact"}, name


def largest_difference(stored, values, cell):
    """Between what another library reads and what was written, as numbers of the stored bits."""
    mask = 2**cell.stored - 1
    stored = (stored.astype(np.int64) & mask).reshape(values.shape)
    return np.abs(stored - (values.astype(np.int64) & mask)).mean() / mask


@pytest.mark.slow
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda each: each.keyword)
def test_pydicom_reads_its_files_alike(syntax):
    read = 0
    for cell, values, content in files(syntax):
        if syntax == uid.JPEGExtended12Bit and cell.stored == 12:
            continue  # none of its decoders does
        stored = dcmread(BytesIO(content)).pixel_array
        limit = 0 if TRANSFER_SYNTAXES[syntax].lossless else conformance.NEAR
        assert largest_difference(stored, values, cell) <= limit, cell
        read += 1
    assert read


@pytest.mark.slow
@pytest.mark.parametrize("syntax", CONVERTERS, ids=lambda each: each.keyword)
def test_dcmtk_reads_its_files_alike(syntax, tmp_path):
    program = CONVERTERS[syntax]
    if shutil.which(program) is None:
        pytest.skip(f"{program} of DCMTK is not installed")
    read = 0
    for cell, values, content in files(syntax):
        source, target = tmp_path / "source", tmp_path / "target"
        source.write_bytes(content)
        if subprocess.run([program, source, target], capture_output=True).returncode:
            continue  # DCMTK does not read every number of bits
        native = dcmread(target)
        kind = f"<{'i' if cell.signed else 'u'}{native.BitsAllocated // 8}"
        stored = np.frombuffer(native.PixelData, kind)[: values.size]
        limit = 0 if TRANSFER_SYNTAXES[syntax].lossless else conformance.NEAR
        assert largest_difference(stored, values, cell) <= limit, cell
        read += 1
    assert read
