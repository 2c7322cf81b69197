"""What a recipe's field is, said once: its default, bounds, help and the paper's value."""

import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lungscope.config_file import convert_value, describe_type
from lungscope.errors import InvalidSetting
from lungscope.text import format_short

_KEY = "setting"


@dataclass(frozen=True)
class Setting:
    """A field of a recipe.

    Attributes:
        name: of the field, and of its option with hyphens.
        type: its annotation: bool, int, float, str, a Literal, a tuple of these, or `| None`.
        default: the value where none is given.
        help: what it is, a noun phrase without a full stop.
        panel: heading of its group in `lungscope train --help`.
        low, high: least and largest value of a number, or of each number of a tuple; both allowed.
        unnamed: what to show in place of the paper's value where the paper gives none, so that no
            value departs from it. Else the paper's value is the default.
        flags: further names of its option, e.g. "-m".
    """

    name: str
    type: Any
    default: Any
    help: str
    panel: str
    low: float | None
    high: float | None
    unnamed: str | None
    flags: tuple[str, ...]

    @property
    def meaning(self) -> str:
        """The help without what follows a semicolon or colon, which only helps to type it."""
        return re.split("[;:]", self.help)[0]

    @property
    def range(self) -> str:
        """The range in words, e.g. "0 to 1"; empty for what is not a number."""
        if self.low is None or self.high is None:
            return ""
        return f"{format_short(self.low)} to {format_short(self.high)}"

    def check(self, value: Any) -> None:
        """Checks a value of the right type.

        Raises:
            InvalidSetting: it is out of range.
        """
        if value is None:  # of an optional field
            return
        if self.low is not None and self.high is not None:
            for number in value if isinstance(value, tuple) else (value,):
                if not self.low <= number <= self.high:  # not `<` or `>`: NaN must fail
                    raise InvalidSetting(f"recipe: {self.name} is {value}; give {self.range}")

    def convert(self, value: Any) -> Any:
        """Converts a value of a JSON or YAML file to the field's type.

        Raises:
            InvalidSetting: it has another type, or is not one of the choices.
        """
        try:
            return convert_value(self.type, value)
        except TypeError as error:
            raise InvalidSetting(f"recipe: {self.name} must be {error}") from error


def setting(
    default: Any,
    *,
    help: str,  # noqa: A002  as in argparse and typer
    panel: str,
    low: float | None = None,
    high: float | None = None,
    unnamed: str | None = None,
    flags: tuple[str, ...] = (),
) -> Any:
    """Declares a dataclass field together with everything that is derived from it.

    The bounds are checked whenever a recipe is made; `lungscope train` has an option of the name;
    recipe files know it; and the report lists it beside the paper's value. The arguments are those
    of `Setting`.
    """
    facts = {"low": low, "high": high, "unnamed": unnamed, "flags": flags}
    return field(default=default, metadata={_KEY: {"help": help, "panel": panel, **facts}})


def list_settings(recipe: Any) -> Mapping[str, Setting]:
    """Returns the settings of a recipe or a recipe class by name, in their order.

    Raises:
        TypeError: a field was not declared by `setting`, or is a number without bounds.
    """
    kind = recipe if isinstance(recipe, type) else type(recipe)
    if kind not in _KNOWN:  # types are resolved once: recipes are made in loops
        types = get_type_hints(kind)
        _KNOWN[kind] = {each.name: _read(each, types[each.name]) for each in fields(kind)}
    return _KNOWN[kind]


_KNOWN: dict[type, Mapping[str, Setting]] = {}


def _read(declared: "Field[Any]", annotation: Any) -> Setting:
    if _KEY not in declared.metadata:
        raise TypeError(f"{declared.name}: declare it with setting()")
    found = Setting(declared.name, annotation, declared.default, **declared.metadata[_KEY])
    words = describe_type(annotation)
    if "number" in words and (found.low is None or found.high is None):
        raise TypeError(f"{declared.name}: a number needs low= and high=")
    return found


def get_choices(annotation: Any) -> tuple[str, ...]:
    """Returns the choices of a Literal, also of one that may be None; none for other types."""
    for each in (annotation, *get_args(annotation)):
        if get_origin(each) is Literal:
            return get_args(each)
    return ()
