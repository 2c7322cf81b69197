"""The options of `lungscope train` that the fields of a recipe make."""

import inspect
from collections.abc import Callable
from functools import wraps
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import typer

from lungscope.training.recipe import Recipe
from lungscope.training.setting import Setting, list_settings


def recipe_options(
    recipe: type[Recipe] = Recipe,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command an option for each field of a recipe, with its type, help and group.

    The options are in the place of the command's `**changes`, which receives those that were
    given. Ranges are shown, and checked when the recipe is made.

    Args:
        recipe: the class whose fields become options.
    """
    settings = list_settings(recipe)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]

        @wraps(command)
        def run(**values: Any) -> None:
            given = {name: _read(settings[name], values.pop(name)) for name in settings}
            changes = {name: value for name, value in given.items() if value is not _NOT_GIVEN}
            command(**values, **changes)

        options = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(each)
            )
            for name, each in settings.items()
        ]
        named = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        run.__signature__ = signature.replace(parameters=named + options)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in named + options}
        return run

    return decorate


_NOT_GIVEN = object()
_NONE = "none"
"""The word on the command line for the value None of an optional field."""


def _read(setting: Setting, value: Any) -> Any:
    if value is None or (value == [] and _many(setting.type)):
        return _NOT_GIVEN
    if _optional(setting.type) and value == _NONE:
        return None
    return tuple(value) if isinstance(value, list) else value


def _option(setting: Setting) -> Any:
    """The annotation that typer makes an option of."""
    name = f"--{setting.name.replace('_', '-')}"
    inner = _inner(setting.type)
    shown = ", ".join(map(str, setting.default)) if _is_tuple(inner) else str(setting.default)
    option: dict[str, Any] = {
        "help": setting.help + (f", {setting.range}." if setting.range else "."),
        "rich_help_panel": setting.panel,
        "show_default": shown.lower() if setting.default in (None, True, False) else shown,
    }
    annotation: Any = inner
    if inner is bool:
        name = f"{name}/--no-{setting.name.replace('_', '-')}"
    elif _many(inner):
        annotation = list[get_args(inner)[0]]  # type: ignore[misc]
    elif _optional(setting.type) and inner in (int, float):
        annotation = str
        option |= {"parser": _number_or_none(inner), "metavar": f"{inner.__name__.upper()}|none"}
    return Annotated[annotation | None, typer.Option(name, *setting.flags, **option)]


def _number_or_none(number: type[int] | type[float]) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        return text if text == _NONE else number(text)

    parse.__name__ = f"{number.__name__} or {_NONE}"  # what a usage error calls it
    return parse


def _optional(annotation: Any) -> bool:
    return NoneType in get_args(annotation)


def _inner(annotation: Any) -> Any:
    return (
        next(a for a in get_args(annotation) if a is not NoneType)
        if _optional(annotation)
        else annotation
    )


def _is_tuple(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


def _many(annotation: Any) -> bool:
    inner = _inner(annotation)
    return _is_tuple(inner) and get_args(inner)[-1] is ...
