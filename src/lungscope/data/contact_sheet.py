"""A page of thumbnails, a row or more a class: the quickest way to see what a data set is."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lungscope.atomic import atomic_file
from lungscope.data.index import Entry, Index
from lungscope.errors import UnreadableImage
from lungscope.images import read

TILE, GAP, MARGIN, HEADING, CAPTION = 168, 10, 24, 40, 18


def draw_contact_sheet(index: Index, path: Path, per_class: int = 8, seed: int = 0) -> None:
    """Draws a random sample of each class, with class names, counts and file names.

    Args:
        index: the labelled images; one that can't be read shows as an empty tile.
        path: the PNG to write.
        per_class: the most images of a class, >= 1.
        seed: of the sample.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for label, name in enumerate(index.classes):
        entries = [entry for entry in index.entries if entry.label == label]
        chosen = rng.permutation(len(entries))[:per_class]
        rows.append((f"{name}  ({len(entries)} images)", [entries[k] for k in sorted(chosen)]))
    row_height = HEADING + TILE + CAPTION + GAP
    size = (
        2 * MARGIN + per_class * (TILE + GAP) - GAP,
        2 * MARGIN + len(rows) * row_height - GAP,
    )
    page = Image.new("L", size, 255)
    for number, (heading, entries) in enumerate(rows):
        _draw_row(page, MARGIN + number * row_height, heading, entries, index)
    with atomic_file(path) as temporary:
        page.save(temporary, format="PNG")


def _draw_row(
    page: Image.Image, top: int, heading: str, entries: Sequence[Entry], index: Index
) -> None:
    draw = ImageDraw.Draw(page)
    draw.text((MARGIN, top + 8), heading, fill=0, font=_font(15))
    small = _font(10)
    for column, entry in enumerate(entries):
        left, upper = MARGIN + column * (TILE + GAP), top + HEADING
        tile = _tile(index.path(entry))
        page.paste(tile, (left + (TILE - tile.width) // 2, upper + (TILE - tile.height) // 2))
        draw.rectangle((left, upper, left + TILE - 1, upper + TILE - 1), outline=190)
        name = Path(entry.file).name
        caption = "".join(letter if letter.isprintable() else "?" for letter in name)
        while draw.textlength(caption, font=small) > TILE and len(caption) > 4:
            caption = "…" + caption[2:]
        draw.text((left, upper + TILE + 3), caption, fill=90, font=small)


def _font(size: int) -> ImageFont.FreeTypeFont:
    # Pillow's own font knows no letters but English ones; matplotlib brings one that does
    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)


def _tile(path: Path) -> Image.Image:
    try:
        pixels = read(path).pixels
    except UnreadableImage:
        return Image.new("L", (TILE, TILE), 255)
    tile = Image.fromarray((pixels * 255).astype(np.uint8))
    tile.thumbnail((TILE, TILE))
    return tile
