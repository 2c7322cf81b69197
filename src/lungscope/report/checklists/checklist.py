"""Reporting checklists: topic of each item, what the run shows, what the author must add."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """One item of a checklist.

    Attributes:
        number: as the checklist numbers it, e.g. "12c".
        asks: topic of the item, abridged.
        says: what the run's artefacts say; empty if nothing.
        author: what only the author can fill; empty if nothing.
    """

    number: str
    asks: str
    says: str = ""
    author: str = ""


@dataclass(frozen=True)
class Section:
    """Items under one heading of a checklist."""

    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Checklist:
    """A whole checklist.

    Attributes:
        name: short, e.g. "CLAIM 2024".
        title: in full.
        reference: where it was published.
        doi: of that publication.
        sections: in its order.
    """

    name: str
    title: str
    reference: str
    doi: str
    sections: tuple[Section, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        """All items."""
        return tuple(item for section in self.sections for item in section.items)

    @property
    def for_author(self) -> tuple[Item, ...]:
        """Items of which the author must fill something."""
        return tuple(item for item in self.items if item.author)
