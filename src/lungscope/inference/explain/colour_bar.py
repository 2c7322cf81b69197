"""The colour bar of a heatmap: which colour is how much evidence."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lungscope.inference.explain.lettering import draw_text, wrap_text

WIDTH = 124
"""Pixels that a bar takes with its ticks and its unit."""

_STRIPE, _TICK, _NUMBERS, _LETTERS = 18, 5, 58, 13
_MOST_TICKS, _LINES = 6, 3
_INK, _BEHIND = "#1a1a1a", 128


def choose_ticks(scale: float) -> list[float]:
    """Round values from 0 up to `scale`, at most seven, in steps of 1, 2 or 5 and zeros.

    Args:
        scale: > 0.
    """
    power = 10.0 ** math.floor(math.log10(scale / _MOST_TICKS))
    steps = (factor * power for factor in (1, 2, 5, 10, 20))
    step = next(each for each in steps if scale / each <= _MOST_TICKS)
    return [number * step for number in range(math.floor(scale / step + 1e-9) + 1)]


def draw_colour_bar(height: int, scale: float, unit: str) -> Image.Image:
    """Draws a bar from 0 at its foot to the greatest attribution, laid over medium grey.

    Args:
        height: in pixels, >= 100, or the ticks do not stand apart.
        scale: the greatest attribution, >= 0; where it is 0 there is but that tick.
        unit: what is written beside it, in three lines at most.

    Returns:
        RGB, `WIDTH` x `height`.
    """
    bar = Image.new("RGB", (WIDTH, height), "white")
    draw = ImageDraw.Draw(bar)
    inset = _LETTERS // 2 + 1  # half of the letters at either end
    length = height - 2 * inset
    values = np.linspace(1 if scale > 0 else 0, 0, length, dtype=np.float32)
    colours = Image.fromarray(apply_colours(np.tile(values[:, None], (1, _STRIPE))))
    stripe = Image.new("RGBA", colours.size, (_BEHIND, _BEHIND, _BEHIND, 255))
    stripe.alpha_composite(colours)
    bar.paste(stripe.convert("RGB"), (0, inset))
    draw.rectangle((0, inset, _STRIPE - 1, inset + length - 1), outline=_INK)
    for value in choose_ticks(scale) if scale > 0 else [0.0]:
        y = inset + round((length - 1) * (1 - (value / scale if scale > 0 else 0)))
        draw.line((_STRIPE, y, _STRIPE + _TICK, y), fill=_INK)
        text, font = draw_text(f"{value:g}", _LETTERS)
        draw.text((_STRIPE + _TICK + 4, y), text, fill=_INK, font=font, anchor="lm")
    bar.paste(_sideways(unit, height), (_STRIPE + _NUMBERS, 0))
    return bar


def _sideways(text: str, height: int) -> Image.Image:
    shown, font = draw_text(text, _LETTERS)
    block = Image.new("RGB", (height, WIDTH - _STRIPE - _NUMBERS), "white")
    for number, line in enumerate(wrap_text(shown, font, height)[:_LINES]):
        at = (height // 2, number * (_LETTERS + 3))
        ImageDraw.Draw(block).text(at, line, fill=_INK, font=font, anchor="ma")
    return block.rotate(90, expand=True)


_STOPS = (
    *("0d0887", "310597", "4c02a1", "6600a7", "7e03a8", "9511a1", "aa2395", "bc3587", "cc4778"),
    *("d9586a", "e56b5d", "f07f4f", "f89441", "fdab33", "fdc328", "f9dd25", "f0f921"),
)
"""Plasma (van der Walt and Smith, 2015, CC0) at 17 even steps, from cold to hot."""

_TABLE = np.array([list(bytes.fromhex(stop)) for stop in _STOPS], dtype=np.float64)

OPAQUE = 0.75
"""Opacity of the greatest attribution: bones stay visible below it."""


def apply_colours(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colours attribution; where there is none, the colour is transparent.

    Args:
        values: (H, W) in [0, 1]; what is beyond is taken as the nearest end.

    Returns:
        (H, W, 4) uint8: red, green, blue and opacity.
    """
    share = np.clip(values, 0, 1)
    at = share * (len(_TABLE) - 1)
    colours = [np.interp(at, np.arange(len(_TABLE)), channel) for channel in _TABLE.T]
    found: NDArray[np.uint8] = np.rint(np.stack([*colours, share * OPAQUE * 255], axis=-1)).astype(
        np.uint8
    )
    return found
