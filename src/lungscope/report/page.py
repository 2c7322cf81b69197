"""Templates and embedded figures, which all pages share."""

import base64
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from lungscope.about import DISCLAIMER
from lungscope.errors import Inaccessible, InvalidData
from lungscope.estimate import Estimate
from lungscope.figures.style import DOTS
from lungscope.text import (
    file_name,
    format_count,
    format_decimal,
    format_duration,
    format_quantity,
    format_short,
    join_words,
)

PAPER = "https://arxiv.org/abs/2408.13180"
LARGEST = 32 * 2**20
"""Most bytes of a figure; ours have some hundred thousand."""


def _bounds(estimate: Estimate, digits: int = 3) -> str:
    return estimate.bounds(f".{digits}f")


_FILTERS = {
    "counted": format_count,
    "decimal": format_decimal,
    "file_name": file_name,
    "duration": format_duration,
    "interval": _bounds,
    "listed": join_words,
    "quantity": format_quantity,
    "short": format_short,
}
_CSS_DOTS = 96


@dataclass(frozen=True)
class EmbeddedFigure:
    """A figure that is embedded in a page.

    Attributes:
        uri: the PNG as a data: URI.
        width, height: in CSS pixels, at the size that it was drawn for.
        alt: what it shows, with the main numbers, for those who do not see it.
        caption: below it.
    """

    uri: str
    width: int
    height: int
    alt: str
    caption: str


def embed_figure(path: Path, alt: str, caption: str) -> EmbeddedFigure:
    """Reads a figure to be embedded in a page.

    Args:
        path: a PNG, drawn at `figures.style.DOTS` pixels an inch.
        alt: what it shows, with the main numbers.
        caption: below it.

    Raises:
        InvalidData: it is over 32 MiB or no PNG.
        Inaccessible: it can't be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise InvalidData(f"{path}: over {LARGEST >> 20} MiB; draw it again")
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            width, height = (round(side * _CSS_DOTS / DOTS) for side in image.size)
            image.verify()
    except OSError as error:
        if error.strerror is None:  # Pillow's, of a file that it cannot identify
            raise InvalidData(f"{path}: not a PNG; draw it again") from error
        raise Inaccessible(f"{path}: {error.strerror}") from error
    except (ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidData(f"{path}: damaged PNG; draw it again") from error
    uri = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    return EmbeddedFigure(uri, width, height, alt, caption)


def fill_html(template: str, values: Mapping[str, Any]) -> str:
    """Fills an HTML template; every value is escaped.

    Args:
        template: its file name in `templates/`.
        values: every value that the template names.

    Raises:
        jinja2.UndefinedError: the template names a value that is not given.
    """
    return _filled(_environment(None), template, values)


def fill_markdown(template: str, values: Mapping[str, Any]) -> str:
    """Fills a Markdown template; every value is escaped, so that it reads as plain text.

    Args:
        template: its file name in `templates/`.
        values: every value that the template names.

    Raises:
        jinja2.UndefinedError: the template names a value that is not given.
    """
    return _filled(_environment(_as_markdown), template, values)


def _environment(finalize: Callable[[object], object] | None) -> Environment:
    environment = Environment(
        loader=PackageLoader("lungscope.report"),
        autoescape=True,  # in Markdown too: `finalize` returns markup, and escapes what is none
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= _FILTERS
    return environment


def _filled(environment: Environment, template: str, values: Mapping[str, Any]) -> str:
    return environment.get_template(template).render(values, disclaimer=DISCLAIMER, paper=PAPER)


_MARKDOWN = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_{}[]#|~"}
    | {"<": "&lt;", ">": "&gt;", "&": "&amp;", "\n": " ", "\r": " "}
)


def _as_markdown(value: object) -> object:
    """Escapes text: no markup, no end of a table cell, no raw HTML."""
    if isinstance(value, Markup):
        return value
    return Markup(str(value).translate(_MARKDOWN))  # noqa: S704  no markup is left in it
