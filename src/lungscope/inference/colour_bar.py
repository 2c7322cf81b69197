"""The colour bar of a heatmap: which colour is how much evidence."""

import math

import numpy as np
from PIL import Image, ImageDraw

from lungscope.inference.colours import coloured
from lungscope.inference.lettering import lettered, wrapped

WIDTH = 124
"""Pixels that a bar takes with its ticks and its unit."""

_STRIPE, _TICK, _NUMBERS, _LETTERS = 18, 5, 58, 13
_MOST_TICKS, _LINES = 6, 3
_INK, _BEHIND = "#1a1a1a", 128


def ticks(scale: float) -> list[float]:
    """Round values from 0 up to `scale`, at most seven, in steps of 1, 2 or 5 and zeros.

    Args:
        scale: > 0.
    """
    power = 10.0 ** math.floor(math.log10(scale / _MOST_TICKS))
    steps = (factor * power for factor in (1, 2, 5, 10, 20))
    step = next(each for each in steps if scale / each <= _MOST_TICKS)
    return [number * step for number in range(math.floor(scale / step + 1e-9) + 1)]


def colour_bar(height: int, scale: float, unit: str) -> Image.Image:
    """Draws a bar from 0 at its foot to the greatest heat, laid over medium grey.

    Args:
        height: in pixels, >= 100, or the ticks do not stand apart.
        scale: the greatest heat, >= 0; where it is 0 there is but that tick.
        unit: what is written beside it, in three lines at most.

    Returns:
        RGB, `WIDTH` x `height`.
    """
    bar = Image.new("RGB", (WIDTH, height), "white")
    draw = ImageDraw.Draw(bar)
    inset = _LETTERS // 2 + 1  # half of the letters at either end
    length = height - 2 * inset
    heat = np.linspace(1 if scale > 0 else 0, 0, length, dtype=np.float32)
    colours = Image.fromarray(coloured(np.tile(heat[:, None], (1, _STRIPE))))
    stripe = Image.new("RGBA", colours.size, (_BEHIND, _BEHIND, _BEHIND, 255))
    stripe.alpha_composite(colours)
    bar.paste(stripe.convert("RGB"), (0, inset))
    draw.rectangle((0, inset, _STRIPE - 1, inset + length - 1), outline=_INK)
    for value in ticks(scale) if scale > 0 else [0.0]:
        y = inset + round((length - 1) * (1 - (value / scale if scale > 0 else 0)))
        draw.line((_STRIPE, y, _STRIPE + _TICK, y), fill=_INK)
        text, font = lettered(f"{value:g}", _LETTERS)
        draw.text((_STRIPE + _TICK + 4, y), text, fill=_INK, font=font, anchor="lm")
    bar.paste(_sideways(unit, height), (_STRIPE + _NUMBERS, 0))
    return bar


def _sideways(text: str, height: int) -> Image.Image:
    shown, font = lettered(text, _LETTERS)
    block = Image.new("RGB", (height, WIDTH - _STRIPE - _NUMBERS), "white")
    for number, line in enumerate(wrapped(shown, font, height)[:_LINES]):
        at = (height // 2, number * (_LETTERS + 3))
        ImageDraw.Draw(block).text(at, line, fill=_INK, font=font, anchor="ma")
    return block.rotate(90, expand=True)
