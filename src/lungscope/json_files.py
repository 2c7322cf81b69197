"""Reading result files: bounded JSON, validated against the dataclass that wrote it."""

import json
import math
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from lungscope.errors import Inaccessible, InvalidData, NotFound, Remedy
from lungscope.text import describe_fault

MAX_BYTES = 16 * 2**20
"""Largest JSON file that is read; result files have some ten thousand bytes."""

_DIGITS = 19
"""Most characters of an integer: 64 bits."""

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}
"""Validators by type: building one takes milliseconds."""

T = TypeVar("T")


def load_json(path: Path, kind: type[T], remedy: Remedy) -> T:
    """Reads a JSON file as an instance of a dataclass.

    Types are checked strictly: a text is not taken for a number, and numbers are finite. Fields
    that the dataclass does not name are ignored.

    Args:
        path: the file.
        kind: a dataclass, or another type that pydantic can validate.
        remedy: how the file is written again, for the message.

    Raises:
        NotFound: there is no such file.
        InvalidData: it is over 16 MiB, is not JSON, or does not have the fields of `kind`.
        Inaccessible: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"{path}: {error.strerror}", remedy=remedy) from error
    except OSError as error:
        raise Inaccessible(f"{path}: {error.strerror or error}") from error
    try:
        _refuse_unusable(content)
        return _validate(content, kind)
    except (ValueError, RecursionError) as error:  # pydantic's ValidationError is a ValueError
        reason = " ".join(explain_invalid(error).split())
        raise InvalidData(f"{path}: damaged ({reason:.120})", remedy=remedy) from error


def validate(value: Any, kind: type[T], path: Path, remedy: Remedy, place: str) -> T:
    """Validates a part of what `load_json` read, by the same rules.

    Args:
        value: what JSON can hold.
        kind: a dataclass, or another type that pydantic can validate.
        path: the file, for the message.
        remedy: how the file is written again, likewise.
        place: where in the file the value is, likewise.

    Raises:
        InvalidData: it does not have the fields of `kind`.
    """
    try:
        return _validate(json.dumps(value), kind)
    except ValueError as error:
        reason = " ".join(f"{place}.{explain_invalid(error)}".split())
        raise InvalidData(f"{path}: damaged ({reason:.120})", remedy=remedy) from error


def explain_invalid(error: Exception) -> str:
    """Returns the first thing that is wrong with a value, e.g. "findings.0.verdict: ..."."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        return f"{place}: {reason}" if place else reason
    return describe_fault(error)


def _validate(content: bytes | str, kind: type[T]) -> T:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    found: T = _ADAPTERS[kind].validate_json(content, strict=True)
    return found


def _refuse_unusable(content: bytes) -> None:
    if len(content) > MAX_BYTES:
        raise ValueError(f"over {MAX_BYTES >> 20} MiB")
    # pydantic lets NaN and infinities through, and makes an infinity of an integer of 400 digits
    json.loads(content, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_sized)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text:.40} is not a finite number")
    return value


def _sized(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"{text:.40} is not a plausible number")
    return int(text)
