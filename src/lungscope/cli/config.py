"""`--config FILE`: a command's options from a YAML file; flags on the command line override it."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from typer.exceptions import TyperException

from lungscope.config_file import convert_value, read_mapping
from lungscope.errors import InvalidSetting

_NOT_IN_A_FILE = {"config", "help"}


def _read_config(ctx: typer.Context, value: Path | None) -> Path | None:
    """Makes the fields of a file the defaults of the command that is being parsed.

    Raises:
        NotFound: the file does not exist or cannot be read.
        InvalidSetting: it is not YAML, or a field is unknown or has a value that its flag refuses;
            the message names the file and the field.
    """
    if value is None or ctx.resilient_parsing:  # the latter while a shell completes words
        return value
    options = {
        _normalise(name): option
        for option in ctx.command.params
        if option.param_type_name == "option"
        for name in option.opts
        if name.startswith("--")
    }
    for name in _NOT_IN_A_FILE:
        options.pop(name, None)
    types, bounds = _annotations(ctx), _bounds(ctx)
    found: dict[str, Any] = {}
    for name, given in read_mapping(value).items():
        field = _normalise(name)
        option = options.get(field)
        if option is None or option.name is None:
            raise InvalidSetting(
                f"{value}: field {field!r} is unknown; known are {', '.join(options)}"
            )
        if option.name in found:
            raise InvalidSetting(f"{value}: field {field!r} is given twice; remove one")
        kind = types[option.name]
        if get_origin(kind) is list and not isinstance(given, list):
            given = [given]  # of an option that may be repeated, one is enough
        try:
            checked = convert_value(kind, given)
        except TypeError as error:
            raise InvalidSetting(f"{value}: {field} must be {error}") from error
        _check_range(value, field, checked, bounds.get(option.name, (None, None)))
        plain = _without_paths(checked)
        try:  # what else the option checks, here, where the file can be named
            option.process_value(ctx, plain)
        except TyperException as error:
            raise InvalidSetting(f"{value}: {field}: {error.message}") from error
        found[option.name] = plain
    ctx.default_map = {**(ctx.default_map or {}), **found}
    return value


def _without_paths(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_paths(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _normalise(name: str) -> str:
    return name.replace("_", "-").lstrip("-")


def _check_range(file: Path, field: str, value: Any, bounds: tuple[Any, Any]) -> None:
    low, high = bounds
    if (low is None or low <= value) and (high is None or value <= high):
        return
    wanted = f"at least {low}" if high is None else f"{low} to {high}"
    raise InvalidSetting(f"{file}: {field} is {value}; give {wanted}")


def _parameters(ctx: typer.Context) -> Mapping[str, inspect.Parameter]:
    assert ctx.command.callback is not None  # noqa: S101
    return inspect.signature(ctx.command.callback, eval_str=True).parameters


def _annotations(ctx: typer.Context) -> dict[str, Any]:
    """The type of each parameter, without `| None`: a field that is not given is left out."""
    return {name: _required(each.annotation) for name, each in _parameters(ctx).items()}


def _bounds(ctx: typer.Context) -> dict[str, tuple[Any, Any]]:
    """The least and the largest value of each parameter that says them; None where it does not."""
    return {
        name: (info.min, info.max)
        for name, each in _parameters(ctx).items()
        for info in getattr(each.annotation, "__metadata__", ())
    }


def _required(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    alternatives = [each for each in get_args(annotation) if each is not type(None)]
    return alternatives[0] if type(None) in get_args(annotation) else annotation


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        is_eager=True,  # before the options whose defaults it sets
        callback=_read_config,
        help="YAML file of options by name; flags override it.",
    ),
]
