"""Settings from a file: YAML or JSON within bounds, and the check that a value has its type."""

import json
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from lungscope.errors import InvalidSetting, NotFound

LARGEST = 2**20
"""Bytes of a settings file that are read at most."""

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
}


def read_mapping(path: Path) -> dict[str, Any]:
    r"""Reads the fields and values of a settings file.

    A file named `.json` is read as JSON, every other as YAML 1.2 (`1e-3` is a number and `no` is
    text), without tags that construct objects and without duplicate fields.

    Args:
        path: the file, at most 1 MiB, in UTF-8.

    Returns:
        The mapping in the file's order, empty for an empty YAML file. Hyphens in a field's name
        are read as underscores, so that options can be written as on the command line.

    Raises:
        NotFound: the file does not exist or cannot be read.
        InvalidSetting: it is too large, not YAML or JSON, not a mapping with text as keys, or has a
            field twice, with hyphens and with underscores.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "settings.yaml")
        ...     _ = file.write_text("port: 8443\nquiet: true\n", encoding="utf-8")
        ...     read_mapping(file)
        {'port': 8443, 'quiet': True}
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise NotFound(f"{path}: {error.strerror}") from error
    if len(content) > LARGEST:
        raise InvalidSetting(f"{path}: larger than 1 MiB; this is not a settings file")
    kind = "JSON" if path.suffix.lower() == ".json" else "YAML"
    try:
        text = content.decode("utf-8")
        value = json.loads(text) if kind == "JSON" else _parse_yaml(text)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InvalidSetting(f"{path}: not {kind} ({reason:.200})") from error
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InvalidSetting(f"{path}: give a {kind} mapping of field names to values")
    fields: dict[str, Any] = {}
    for name, given in value.items():
        field = name.replace("-", "_")
        if field in fields:
            raise InvalidSetting(f"{path}: field {name!r} is given twice; remove one")
        fields[field] = given
    return fields


def _parse_yaml(text: str) -> Any:
    from ruamel.yaml import YAML  # here: most commands read no settings file
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        value = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        # without the values of a duplicate field, which may be nobody else's business
        raise ValueError(line + str(error.problem).partition(" with value")[0]) from error
    except YAMLError as error:
        raise ValueError(str(error)) from error
    return {} if value is None else value


def convert_value(annotation: Any, value: Any) -> Any:
    """Checks that a value from a file has the type that an annotation names.

    Nothing is guessed: text is never read as a number, and true is not 1. A whole number is a
    number, and a list becomes a tuple where the annotation is one.

    Args:
        annotation: bool, int, float, str, Path, a Literal, a tuple or list of these, or one of them
            with `| None`.
        value: as YAML or JSON gave it.

    Returns:
        The value, with the annotation's type.

    Raises:
        TypeError: it has another type; the message continues "FIELD must be ".

    Examples:
        >>> convert_value(tuple[float, float], [0, 0.5])
        (0.0, 0.5)
        >>> convert_value(int, "64")
        Traceback (most recent call last):
        ...
        TypeError: a whole number, is '64'
    """
    options = _alternatives(annotation)
    if value is None and type(None) in options:
        return None
    (wanted,) = (each for each in options if each is not type(None))
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (tuple, list) and isinstance(value, list | tuple):
        return _convert_items(origin, arguments, value)
    if origin is Literal:
        # `precision: 32` is a number in YAML and the choice "32" on the command line
        found = str(value) if type(value) is int else value
        if isinstance(found, str) and found in arguments:
            return found
    elif wanted is float and type(value) in (int, float):
        return value if abs(value) > 2**53 else float(value)
    elif wanted is Path and type(value) is str:
        return Path(value)
    elif type(value) is wanted:
        return value
    raise TypeError(f"{describe_type(annotation)}, is {_describe(value)}")


def describe_type(annotation: Any) -> str:
    """Returns an annotation in words, e.g. "a whole number" or "one of 32, bf16, 16"."""
    options = _alternatives(annotation)
    (wanted,) = (each for each in options if each is not type(None))
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin is Literal:
        words = f"one of {', '.join(arguments)}"
    elif origin is list or (origin is tuple and arguments[-1] is ...):
        words = f"a list, each {describe_type(arguments[0])}"
    elif origin is tuple:
        words = f"a list of {len(arguments)}, each {describe_type(arguments[0])}"
    else:
        words = _WORDS[wanted]
    return f"{words} or null" if type(None) in options else words


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if _is_union(annotation) else (annotation,)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _convert_items(
    origin: type, arguments: tuple[Any, ...], value: list[Any] | tuple[Any, ...]
) -> Any:
    if origin is list or arguments[-1] is ...:
        arguments = (arguments[0],) * len(value)
    if len(value) != len(arguments):
        raise TypeError(f"a list of {len(arguments)}, has {len(value)}")
    return origin(convert_value(each, item) for each, item in zip(arguments, value, strict=True))


def _describe(value: Any) -> str:
    if isinstance(value, list):
        return "a list"  # not its content: aliases make a small file's unboundedly long
    if isinstance(value, dict):
        return "a mapping"
    if value is None:
        return "null"
    return repr(value) if len(str(value)) <= 40 else f"{str(value)[:40]!r}..."
