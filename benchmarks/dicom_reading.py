"""Reading DICOM radiographs against pydicom's bare decoding of the same files, side by side.

    python benchmarks/dicom_reading.py [--size 2048] [--rounds 5]

Each file is 12-bit with a window. "pydicom" reads it and decodes its pixels with whichever decoder
it comes to first; "its way" applies the modality and VOI LUT too and scales to [0, 1], as
`lungscope.images.read` does. The three take turns, so that a change in the
machine's speed meets all; ratios travel, milliseconds do not.
"""

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread, dcmwrite, uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from lungscope.images import read

SYNTAXES = (
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
)


def radiograph(size: int) -> NDArray[np.uint16]:
    """A smooth picture with quantum noise, which is what makes a radiograph hard to compress."""
    rows, columns = np.indices((size, size)) / size * 12
    smooth = (np.sin(rows) * np.cos(columns) + 1) * 1900
    noise = np.random.default_rng(0).normal(0, 20, (size, size))
    return (smooth + noise).clip(0, 4095).astype(np.uint16)


def dataset(samples: NDArray[np.uint16]) -> Dataset:
    """A radiograph of 12 bits with a window."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    made.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    made.SOPInstanceUID = uid.generate_uid()
    made.Modality, made.BodyPartExamined = "DX", "CHEST"
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = samples.shape
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.RescaleSlope, made.RescaleIntercept = 1, 0
    made.WindowCenter, made.WindowWidth = 2048, 3000
    made.PixelData = samples.tobytes()
    made["PixelData"].VR = "OW"
    return made


def compressed(samples: NDArray[np.uint16], syntax: uid.UID) -> bytes:
    made = dataset(samples)
    if syntax not in (uid.DeflatedExplicitVRLittleEndian, uid.ExplicitVRLittleEndian):
        made.compress(syntax)
    return written(made, syntax)


def written(made: Dataset, syntax: uid.UID) -> bytes:
    made.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()


def bare(path: Path) -> NDArray[np.uint16]:
    return dcmread(path).pixel_array


def its_way(path: Path) -> NDArray[np.float32]:
    dataset = dcmread(path)
    shown = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
    return (shown / 4095).astype(np.float32)


def milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    samples = radiograph(options.size)
    print(f"{'median ms, ratio':34}{'lungscope':>10}{'pydicom':>10}{'its way':>10}", end="")
    print(f"{'/ pydicom':>11}{'/ its way':>11}")
    with tempfile.TemporaryDirectory() as folder:
        for syntax in SYNTAXES:
            path = Path(folder) / "a.dcm"
            path.write_bytes(compressed(samples, syntax))
            ways = (lambda: read(path), lambda: bare(path), lambda: its_way(path))  # noqa: B023
            np.testing.assert_allclose(read(path).pixels, its_way(path), atol=1e-6)
            rounds = [[milliseconds(way) for way in ways] for _ in range(options.rounds)]
            ours, theirs, whole = (statistics.median(times) for times in zip(*rounds, strict=True))
            print(f"{syntax.keyword:34}{ours:10.1f}{theirs:10.1f}{whole:10.1f}", end="")
            print(f"{ours / theirs:11.2f}{ours / whole:11.2f}")


if __name__ == "__main__":
    main()
