"""Words in a figure: a font that has the letters, lines that fit."""

import unicodedata
from functools import lru_cache
from typing import TypeAlias

from PIL import ImageFont

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

_FURTHER = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf"),
    *("NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "wqy-microhei.ttc", "msyh.ttc"),
    *("PingFang.ttc", "Arial Unicode.ttf", "DroidSansFallbackFull.ttf", "malgun.ttf"),
)
"""Of Linux, Windows and macOS, for letters that Pillow's own font lacks; of equals the first."""

_OWN = ""
"""In place of a file's name: the font that comes with Pillow, the same on every machine."""

_ELLIPSIS = "..."
_NO_LETTER = "\uffff"
"""No font has it: what is drawn in its place is what is drawn for every letter that is absent."""


def draw_text(text: str, size: int) -> tuple[str, Font]:
    """Finds a font for a text, and the text as that font can show it.

    Pillow's own font has the letters of English alone. For others the font of the machine that has
    most of them is taken; where it lacks one, accents are dropped, and what is left over is a
    question mark.

    Args:
        text: of one line; control characters become question marks.
        size: of the letters in pixels.
    """
    composed = unicodedata.normalize("NFC", text)  # macOS keeps accents apart in files' names
    printed = [letter if letter.isprintable() else "?" for letter in composed]
    own = all(_has(_OWN, letter) for letter in printed)
    names = (_OWN,) if own else (_OWN, *_FURTHER)  # it takes a while to look for a file
    fonts = {name: font for name in names if (font := _font(name, size)) is not None}
    name = max(fonts, key=lambda each: sum(_has(each, letter) for letter in printed))
    return "".join(_closest(letter, name) for letter in printed), fonts[name]


def _closest(letter: str, name: str) -> str:
    if _has(name, letter):
        return letter
    parts = unicodedata.normalize("NFKD", letter)
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    return plain if plain and all(_has(name, part) for part in plain) else "?"


def fit_text(text: str, font: Font, width: int) -> str:
    """Shortens a text in its middle until it fits, for the ends of a file name say most.

    Args:
        text: of one line.
        font: it is written in.
        width: in pixels.
    """
    if font.getlength(text) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        shorter = text[: (kept + 1) // 2] + _ELLIPSIS + text[len(text) - kept // 2 :]
        if font.getlength(shorter) <= width:
            return shorter
    return _ELLIPSIS


def wrap_text(text: str, font: Font, width: int) -> list[str]:
    """Breaks a text at blanks into lines that fit; a word that does not is shortened."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(fit_text(word, font, width))
    return lines


@lru_cache(maxsize=128)
def _font(name: str, size: int) -> Font | None:
    try:
        return ImageFont.truetype(name, size) if name != _OWN else ImageFont.load_default(size)
    except OSError:
        return None


@lru_cache(maxsize=8192)
def _has(name: str, letter: str) -> bool:
    font = _font(name, 16)
    if font is None:
        return False
    absent, drawn = font.getmask(_NO_LETTER), font.getmask(letter)
    return drawn.size != absent.size or bytes(drawn) != bytes(absent)
