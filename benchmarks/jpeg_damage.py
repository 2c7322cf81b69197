"""What it costs that damage within a JPEG is noticed, against decoders that pass it over.

    python benchmarks/jpeg_damage.py [--rounds 9]

Files are read by `lungscope.images.read_content` as it is, and with Pillow (8 bits) or GDCM
(lossless) in the place of its JPEG decoder. The two take turns, so that a change in the machine's
speed meets both; ratios travel, milliseconds do not.
"""

import argparse
import io
import statistics
import time
from collections.abc import Callable
from unittest import mock

import imagecodecs
import numpy as np
from dicom_reading import dataset, radiograph, written
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder

from lungscope.images import raster, read_content
from lungscope.images.dicom import transfer_syntaxes


def jpeg(samples: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(samples).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def lossless(samples: NDArray[np.uint16]) -> bytes:
    frame = imagecodecs.jpeg8_encode(samples, lossless=True, bitspersample=12)
    made = dataset(samples)
    made.PixelData = encapsulate([frame])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return written(made, uid.JPEGLosslessSV1)


def by_pillow(content: bytes, _colours: str) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


def by_gdcm(frame: bytes, _precision: int) -> NDArray[np.uint16]:
    header = transfer_syntaxes.read_jpeg(frame)
    samples, _ = get_decoder(uid.JPEGLosslessSV1).as_array(
        encapsulate([frame]),
        index=0,
        validate=False,
        raw=True,
        decoding_plugin="gdcm",
        rows=header.rows,
        columns=header.columns,
        number_of_frames=1,
        samples_per_pixel=1,
        photometric_interpretation="MONOCHROME2",
        bits_allocated=16,
        bits_stored=header.precision,
        pixel_representation=0,
        pixel_keyword="PixelData",
    )
    return samples


def milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    small, large = radiograph(240), radiograph(2048)
    colour = np.repeat((large >> 4).astype(np.uint8)[..., None], 3, axis=-1)
    pillow = (raster, "decode_jpeg", by_pillow)
    cases = (
        ("JPEG, 240 x 240", jpeg((small >> 4).astype(np.uint8)), pillow),
        ("JPEG, 2048 x 2048", jpeg((large >> 4).astype(np.uint8)), pillow),
        ("JPEG, 2048 x 2048, colour", jpeg(colour), pillow),
        (
            "JPEG Lossless, 2048 x 2048",
            lossless(large),
            (transfer_syntaxes, "decode_deep_jpeg", by_gdcm),
        ),
    )
    print(f"{'median ms, ratio':30}{'lungscope':>10}{'without':>10}{'/ without':>10}")
    for name, content, replacement in cases:
        pairs = []
        for _ in range(rounds):
            ours = milliseconds(lambda: read_content(content, "image"))  # noqa: B023
            with mock.patch.object(*replacement):
                pairs.append((ours, milliseconds(lambda: read_content(content, "image"))))  # noqa: B023
        ours, without = (statistics.median(times) for times in zip(*pairs, strict=True))
        ratio = statistics.median(first / second for first, second in pairs)
        print(f"{name:30}{ours:10.1f}{without:10.1f}{ratio:10.2f}")


if __name__ == "__main__":
    main()
