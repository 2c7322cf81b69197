"""Decode JPEG, and refuse what is damaged within a scan.

libjpeg goes on over damaged data with a warning, and the rest of the image is shifted or grey.
Pillow and imagecodecs drop the warning; simplejpeg raises it. All three are libjpeg-turbo and
decode to the same samples.
"""

from typing import Any, Literal

import imagecodecs
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from lungscope.images.codestream import with_precision, with_usual_headers
from lungscope.images.undecodable import Undecodable

Colours = Literal["GRAY", "RGB", "CMYK"]
"""What samples stand for; inks of CMYK are as they are stored."""

COLOURS_BY_COMPONENTS: dict[int, Colours] = {1: "GRAY", 3: "RGB", 4: "CMYK"}
"""By the number of components of a codestream."""

_EIGHT = 8
_HARMLESS = (  # warnings about headers that no sample depends on
    "Warning: unknown JFIF revision number",
    "Unknown Adobe color transform code",
    "Invalid SOS parameters for sequential JPEG",
)
_UNUSUAL_SUBSAMPLING = "Could not determine subsampling"


def decode_jpeg(content: bytes, colours: Colours) -> NDArray[np.uint8]:
    """Decodes JPEG with samples of 8 bits, lossy or lossless.

    Args:
        content: the codestream; what follows its end marker is not looked at.
        colours: what it is decoded to; GRAY fits every codestream of one component.

    Returns:
        (H, W, 1, 3 or 4) uint8.

    Raises:
        Undecodable: its colours are subsampled in a way that is not read.
        ValueError: it is damaged or cut short.
    """
    try:
        samples: NDArray[np.uint8] = simplejpeg.decode_jpeg(content, colorspace=colours)
    except ValueError as error:
        if colours != "GRAY" and _UNUSUAL_SUBSAMPLING in str(error):
            raise Undecodable(
                "the colours of its JPEG data are subsampled in an unusual way; save it as grey"
            ) from error
        if not str(error).startswith(_HARMLESS):
            raise
        samples = simplejpeg.decode_jpeg(with_usual_headers(content), colorspace=colours)
    return samples


def decode_deep_jpeg(content: bytes, precision: int) -> NDArray[np.unsignedinteger[Any]]:
    """Decodes JPEG of one component, lossy or lossless.

    Args:
        content: the codestream.
        precision: bits of one sample in it, 2 to 16; lossy JPEG has 8 or 12.

    Returns:
        (H, W) uint8, or uint16 where samples have more than 8 bits.

    Raises:
        ValueError, RuntimeError: it is damaged or cut short.
    """
    if precision == _EIGHT:
        return decode_jpeg(content, "GRAY")[..., 0]
    # Huffman codes stand for differences or coefficients, whatever the bits of a sample are. So
    # damage shows in a decoding to 8 bits, and the samples come from a decoder that knows more.
    decode_jpeg(with_precision(content, _EIGHT), "GRAY")
    samples: NDArray[np.unsignedinteger[Any]] = imagecodecs.jpeg8_decode(content)
    return samples
