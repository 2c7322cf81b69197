"""How much memory the largest image of each format takes, alone and three at once in a service.

    python benchmarks/memory.py [--side 6000] [--service]

Each format is read by a process of its own. What is printed is its peak beyond that of a
process that read a small image. With `--service`, the largest of each format is classified by three
threads at once, with explanation and preview, as `lungscope serve` does with three workers; there
the peak is that of the whole process, and docs/how-to/serve.md promises 4 GB.
"""

import argparse
import io
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from dicom_reading import compressed
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid

ALONE = """
import sys
from lungscope.images import ANYTHING, read
read(sys.argv[1], ANYTHING)
"""
THREE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from lungscope import Classifier
from lungscope.serving.http.intake import Upload
from lungscope.serving.http.upload import RequestOptions, classify_upload
classifier = Classifier.bundled()
content = Path(sys.argv[1]).read_bytes()
def once(_):
    options = RequestOptions(explain=True, preview=True)
    return classify_upload(classifier, Upload("image", content), options, fingerprint=True)
with ThreadPoolExecutor(3) as pool:
    list(pool.map(once, range(3)))
"""
PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


def picture(**options: object) -> Callable[[NDArray[np.uint8]], bytes]:
    def write(samples: NDArray[np.uint8]) -> bytes:
        image = Image.fromarray(samples)
        if mode := options.get("mode"):
            image = image.convert(str(mode))
        buffer = io.BytesIO()
        image.save(buffer, **{key: value for key, value in options.items() if key != "mode"})
        return buffer.getvalue()

    return write


def dicom(syntax: uid.UID) -> Callable[[NDArray[np.uint8]], bytes]:
    return lambda samples: compressed(samples.astype(np.uint16) * 16, syntax)


FORMATS: dict[str, Callable[[NDArray[np.uint8]], bytes]] = {
    "PNG, grey": picture(format="PNG", compress_level=1),
    "PNG, RGBA": picture(format="PNG", compress_level=1, mode="RGBA"),
    "PNG, 16 bits": lambda samples: picture(format="PNG", compress_level=1)(
        samples.astype(np.uint16) * 256
    ),
    "JPEG, grey": picture(format="JPEG"),
    "JPEG, colour": picture(format="JPEG", mode="RGB"),
    "JPEG, progressive": picture(format="JPEG", mode="RGB", progressive=True, subsampling=0),
    "TIFF, RGBA": picture(format="TIFF", compression="tiff_lzw", mode="RGBA"),
    "TIFF, JPEG": picture(format="TIFF", compression="jpeg", mode="RGB"),
    "BMP": picture(format="BMP", mode="RGB"),
    "WebP, lossless": picture(format="WEBP", lossless=True, method=0, quality=0),
    "WebP, RGBA": picture(format="WEBP", lossless=True, method=0, quality=0, mode="RGBA"),
    "DICOM, native": dicom(uid.ExplicitVRLittleEndian),
    "DICOM, RLE Lossless": dicom(uid.RLELossless),
    "DICOM, JPEG-LS": dicom(uid.JPEGLSLossless),
    "DICOM, JPEG 2000": dicom(uid.JPEG2000Lossless),
}


def write(name: str, path: Path, side: int) -> None:
    rows, columns = np.indices((side, side), np.uint16)
    path.write_bytes(FORMATS[name](((rows // 4 + columns // 4) % 250).astype(np.uint8)))


def written(name: str, path: Path, side: int) -> None:
    """Writes a file in a process of its own: a process's peak begins with that of its parent."""
    writer = multiprocessing.get_context("spawn").Process(target=write, args=(name, path, side))
    writer.start()
    writer.join()


def peak(code: str, path: Path) -> int:
    """KiB at most, of a process that runs code on a file."""
    command = [sys.executable, "-W", "ignore", "-c", code + PEAK, str(path)]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--side", type=int, default=6000)
    parser.add_argument("--service", action="store_true")
    parser.add_argument("--only", default="", help="formats whose name contains this")
    options = parser.parse_args()
    code = THREE if options.service else ALONE
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image"
        for name in FORMATS:
            if options.only not in name:
                continue
            written(name, path, 100)
            least = 0 if options.service else peak(code, path)
            written(name, path, options.side)
            print(f"{name:24}{(peak(code, path) - least) / 2**10:8.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
