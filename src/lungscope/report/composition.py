"""What a split consists of: images and groups by subset, class and source."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lungscope.data.split import SUBSETS, UNKNOWN_SOURCE, Split, Subset


@dataclass(frozen=True)
class Composition:
    """Counts of a split.

    Attributes:
        images: class -> subset -> images.
        groups: subset -> groups.
        sources: class -> source -> images, by falling count; images without a source are counted
            under `UNKNOWN_SOURCE`. Empty where no image's source is recorded.
    """

    images: Mapping[str, Mapping[Subset, int]]
    groups: Mapping[Subset, int]
    sources: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, split: Split) -> "Composition":
        """Counts a split."""
        subsets = {subset: split.subset(subset) for subset in SUBSETS}
        places = Counter((entry.label, entry.source or UNKNOWN_SOURCE) for entry in split.entries)
        return cls(
            images={
                name: {
                    subset: sum(entry.label == label for entry in entries)
                    for subset, entries in subsets.items()
                }
                for label, name in enumerate(split.classes)
            },
            groups={
                subset: len({entry.group for entry in entries})
                for subset, entries in subsets.items()
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
        """Names of the sources, in alphabetical order, `UNKNOWN_SOURCE` last."""
        names = {name for sources in self.sources.values() for name in sources}
        return tuple(sorted(names, key=lambda name: (name == UNKNOWN_SOURCE, name)))

    @property
    def of_one_source(self) -> dict[str, str]:
        """Classes whose images all come from one source, where the data has several: class -> it.

        Recognising such a source predicts the class.
        """
        if len(self.all_sources) < 2:
            return {}
        return {
            name: next(iter(sources))
            for name, sources in self.sources.items()
            if len(sources) == 1 and UNKNOWN_SOURCE not in sources
        }

    def total(self, subset: Subset) -> int:
        """Images of a subset."""
        return sum(subsets[subset] for subsets in self.images.values())
