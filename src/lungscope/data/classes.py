"""Class names as people write them: `Lung_Opacity`, "lung opacity" and "Lung-Opacity" are one."""

import re
from collections.abc import Iterable, Sequence

NORMAL = "normal"
"""Key of the class of healthy people, for normal or not."""

_GAP = re.compile(r"(?<=[^\s_-])[\s_-]+(?=[^\s_-])")


def key(name: str) -> str:
    """What two spellings of one class have in common: no case, and no gaps between its words.

    Every other sign counts, for "COVID+" and "COVID-", or "1" and "-1", are two classes.
    """
    return _GAP.sub("", name.strip()).casefold()


def display(name: str) -> str:
    """A class name for people: underscores and hyphens between words become single spaces."""
    return _GAP.sub(" ", name.strip())


def merge(names: Iterable[str]) -> dict[str, str]:
    """Maps every spelling to the class name that stands for it.

    Args:
        names: spellings, in any order, repeats allowed.

    Returns:
        A name for each spelling; spellings with one `key` share the first one in alphabetical
        order, made readable by `display`.
    """
    shown: dict[str, str] = {}
    for name in sorted(set(names)):
        shown.setdefault(key(name), display(name))
    return {name: shown[key(name)] for name in names}


def find_normal(classes: Sequence[str]) -> int | None:
    """Returns the position of the class of healthy people; None where no class is named Normal.

    Examples:
        >>> find_normal(("Lung Opacity", "Normal"))
        1
    """
    keys = [key(name) for name in classes]
    return keys.index(NORMAL) if NORMAL in keys else None
