"""Which class a label of a data set stands for: by its name, or as a person says.

Names are compared as `classes.key` does: "Lung_Opacity" is "lung opacity". What the names leave
open is given as pairs, "COVID=Viral Pneumonia"; a label with nothing after the sign, "Other=", is
left out.
"""

from collections.abc import Iterable, Mapping, Sequence

from lungscope.data.classes import display, key
from lungscope.data.index import Index
from lungscope.errors import InvalidData, InvalidSetting

ClassMapping = Mapping[str, str | None]
"""The class that each label stands for; None or "" for a label that is left out."""


def parse_mapping(pairs: Iterable[str]) -> dict[str, str | None]:
    """Reads pairs as the option `--map` takes them.

    Args:
        pairs: "LABEL=CLASS" each, or "LABEL=" for a label that is left out. A label may hold no
            "=", a class may.

    Returns:
        The class by label, None for what is left out; spellings as they were given.

    Raises:
        InvalidSetting: a pair without "=" or without a label, or a label given twice.

    Examples:
        >>> parse_mapping(["COVID=Viral Pneumonia", "Other="])
        {'COVID': 'Viral Pneumonia', 'Other': None}
    """
    found: dict[str, str | None] = {}
    for pair in pairs:
        label, sign, name = (part.strip() for part in pair.partition("="))
        if not sign or not label:
            raise InvalidSetting(
                f"mapping {pair!r:.60}: give LABEL=CLASS, or LABEL= to leave the label out"
            )
        if key(label) in {key(other) for other in found}:
            raise InvalidSetting(f"mapping: label {label!r:.60} is given more than once")
        found[label] = name or None
    return found


def map_labels(labels: Iterable[str], mapping: ClassMapping) -> dict[str, str | None]:
    """Says for each label of a data set which class it becomes.

    Args:
        labels: of the data set, repeats allowed.
        mapping: of some of them; the others keep their name.

    Returns:
        For each label the name of its class, as `classes.display` writes it, or None if it is left
        out.

    Raises:
        InvalidSetting: the mapping names a label that the data set does not have.

    Examples:
        >>> map_labels(["Normal", "COVID", "other"], {"COVID": "Viral_Pneumonia", "Other": None})
        {'Normal': 'Normal', 'COVID': 'Viral Pneumonia', 'other': None}
    """
    labels = tuple(dict.fromkeys(labels))
    named = {key(label): name for label, name in mapping.items()}
    known = {key(label) for label in labels}
    for label in mapping:
        if key(label) not in known:
            raise InvalidSetting(
                f"mapping: the data has no label {label!r:.60}; it has {', '.join(sorted(labels))}"
            )
    return {label: display(named.get(key(label), label) or "") or None for label in labels}


def match_classes(
    labels: Iterable[str], classes: Sequence[str], mapping: ClassMapping | None = None
) -> dict[str, str | None]:
    """Finds the class of a model that each label of a data set stands for.

    Args:
        labels: of the data set, repeats allowed.
        classes: of the model.
        mapping: of the labels whose name is none of the classes, or stands for another.

    Returns:
        For each label one of `classes`, in their spelling, or None if it is left out.

    Raises:
        InvalidSetting: the mapping names a label that the data set does not have, or a class that
            the model does not have.
        InvalidData: a label is none of the classes and is not mapped.

    Examples:
        >>> match_classes(
        ...     ["normal", "COVID", "Other"],
        ...     ["Normal", "Viral Pneumonia"],
        ...     {"COVID": "viral_pneumonia", "Other": None},
        ... )
        {'normal': 'Normal', 'COVID': 'Viral Pneumonia', 'Other': None}
    """
    mapping = mapping or {}
    spelling = {key(name): name for name in classes}
    for name in mapping.values():
        if name and key(name) not in spelling:
            raise InvalidSetting(
                f"mapping: the model has no class {name!r:.60}; it has {', '.join(classes)}"
            )
    wanted = map_labels(labels, mapping)
    unknown = [label for label, name in wanted.items() if name and key(name) not in spelling]
    if unknown:
        raise InvalidData(
            f"labels {', '.join(map(repr, sorted(unknown)))} are no class of the model (it has "
            f"{', '.join(classes)}); say which class each stands for, or leave it out",
            remedy="map",
        )
    return {label: name and spelling[key(name)] for label, name in wanted.items()}


def relabel(index: Index, mapping: ClassMapping) -> Index:
    """Returns an index with its labels mapped to classes, without those that are left out.

    Args:
        index: the labelled images.
        mapping: of some of its labels; the others keep their name. Labels that get one name become
            one class.

    Raises:
        InvalidSetting: the mapping names a label that the index does not have.
        InvalidData: fewer than two classes are left.

    Examples:
        >>> relabel(Index.open("xrays"), {"lung opacity": "Pneumonia", "Viral_Pneumonia": None})
        Index('xrays': 40 images; Normal 20, Pneumonia 20)
    """
    named = map_labels(index.classes, mapping)
    return index.with_labels([named[index.classes[entry.label]] for entry in index.entries])
