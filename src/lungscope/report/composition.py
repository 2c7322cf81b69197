"""Of what a split consists: images and groups by side, class and source."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lungscope.audit.subgroups import UNKNOWN
from lungscope.data.split import SIDES, Side, Split


@dataclass(frozen=True)
class Composition:
    """Counts of a split.

    Attributes:
        images: class -> side -> images.
        groups: side -> groups.
        sources: class -> source -> images, by falling count; a source of none is `UNKNOWN`. Empty
            where no image's source is recorded.
    """

    images: Mapping[str, Mapping[Side, int]]
    groups: Mapping[Side, int]
    sources: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, split: Split) -> "Composition":
        """Counts a split."""
        sides = {side: split.side(side) for side in SIDES}
        places = Counter((entry.label, entry.source or UNKNOWN) for entry in split.entries)
        return cls(
            images={
                name: {
                    side: sum(entry.label == label for entry in entries)
                    for side, entries in sides.items()
                }
                for label, name in enumerate(split.classes)
            },
            groups={
                side: len({entry.group for entry in entries}) for side, entries in sides.items()
            },
            sources={
                name: {
                    source: images
                    for (of, source), images in sorted(
                        places.items(), key=lambda item: (-item[1], item[0])
                    )
                    if of == label
                }
                for label, name in enumerate(split.classes)
            }
            if any(entry.source for entry in split.entries)
            else {},
        )

    @property
    def all_sources(self) -> tuple[str, ...]:
        """Names of the sources, in alphabetical order, `UNKNOWN` last."""
        names = {name for sources in self.sources.values() for name in sources}
        return tuple(sorted(names, key=lambda name: (name == UNKNOWN, name)))

    @property
    def of_one_source(self) -> dict[str, str]:
        """Classes whose images all come from one source, where the data has several: class -> it.

        Whoever tells such a source tells something of the class.
        """
        if len(self.all_sources) < 2:
            return {}
        return {
            name: next(iter(sources))
            for name, sources in self.sources.items()
            if len(sources) == 1 and UNKNOWN not in sources
        }

    def total(self, side: Side) -> int:
        """Images of a side."""
        return sum(sides[side] for sides in self.images.values())
