"""How the data of a reproduction are named on the command line that repeats it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataArguments:
    """Names of the data sets and the mapping of their labels.

    Attributes:
        names: names of folders or CSV tables, without their paths; at least one.
        mapping: labels taken for a class, as `--map` takes them, e.g. ("COVID=Viral Pneumonia",).
    """

    names: tuple[str, ...] = ("DATA",)
    mapping: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The names in words.

        Examples:
            >>> DataArguments(("xrays", "clinic")).title
            'xrays and clinic'
        """
        *others, last = self.names
        return f"{', '.join(others)} and {last}" if others else last

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the command line, not quoted.

        Examples:
            >>> DataArguments(("xrays",), ("COVID=Viral Pneumonia",)).options
            ('--data', 'xrays', '--map', 'COVID=Viral Pneumonia')
        """
        data = (word for name in self.names for word in ("--data", name))
        return (*data, *(word for each in self.mapping for word in ("--map", each)))


UNNAMED = DataArguments()
"""Data of which no name is known."""
