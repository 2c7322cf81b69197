"""Heat in colours that stay apart in grey print and for colour-blind people."""

import numpy as np
from numpy.typing import NDArray

_STOPS = (
    *("0d0887", "310597", "4c02a1", "6600a7", "7e03a8", "9511a1", "aa2395", "bc3587", "cc4778"),
    *("d9586a", "e56b5d", "f07f4f", "f89441", "fdab33", "fdc328", "f9dd25", "f0f921"),
)
"""Plasma (van der Walt and Smith, 2015, CC0) at 17 even steps, from cold to hot."""

_TABLE = np.array([list(bytes.fromhex(stop)) for stop in _STOPS], dtype=np.float64)

OPAQUE = 0.75
"""Opacity of the greatest heat: bones stay visible below it."""


def coloured(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colours heat; its opacity goes with it, so that where there is none the image is as it was.

    Args:
        heat: (H, W) in [0, 1]; what is beyond is taken as the nearest end.

    Returns:
        (H, W, 4) uint8: red, green, blue and opacity.
    """
    share = np.clip(heat, 0, 1)
    at = share * (len(_TABLE) - 1)
    colours = [np.interp(at, np.arange(len(_TABLE)), channel) for channel in _TABLE.T]
    found: NDArray[np.uint8] = np.rint(np.stack([*colours, share * OPAQUE * 255], axis=-1)).astype(
        np.uint8
    )
    return found
