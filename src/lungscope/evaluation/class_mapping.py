"""Which class of a model each label of another data set is."""

from collections.abc import Mapping, Sequence

from lungscope.data import classes as names
from lungscope.errors import InvalidData, InvalidSetting


def map_labels(
    labels: Sequence[str],
    classes: Sequence[str],
    given: Mapping[str, str | None],
    data: str,
) -> dict[str, str | None]:
    """Maps the labels of a data set to the classes of a model.

    Labels are matched by name; case, spaces, underscores and hyphens between words do not count.

    Args:
        labels: of the data set.
        classes: of the model.
        given: the class of labels that have another name; "" or None for a label whose images are
            left out.
        data: name of the data set, for messages.

    Returns:
        The class of each label, in the order of the labels; None where its images are left out.

    Raises:
        InvalidSetting: `given` names a label or class that does not exist.
        InvalidData: a label is no class and is not in `given`, or all are left out.

    Examples:
        >>> map_labels(["normal", "COVID"], ["Normal", "Viral Pneumonia"],
        ...            {"COVID": "Viral_Pneumonia"}, "clinic")
        {'normal': 'Normal', 'COVID': 'Viral Pneumonia'}
    """
    own = {names.key(name): name for name in classes}
    known = {names.key(label): label for label in labels}
    asked: dict[str, str | None] = {}
    for label, name in given.items():
        if names.key(label) not in known:
            raise InvalidSetting(
                f"mapping: {data} has no label {label!r}; its labels are {', '.join(labels)}"
            )
        if name and names.key(name) not in own:
            raise InvalidSetting(
                f"mapping: {name!r} is no class of the model; its classes are {', '.join(classes)}"
            )
        asked[known[names.key(label)]] = own[names.key(name)] if name else None
    mapped = {label: asked.get(label, own.get(names.key(label))) for label in labels}
    unknown = [label for label, name in mapped.items() if name is None and label not in asked]
    if unknown:
        raise InvalidData(
            f"{data}: {_listed('label', unknown)} no class of the model, which has "
            f"{', '.join(classes)}",
            remedy="map-labels",
        )
    if not any(mapped.values()):
        raise InvalidData(f"{data}: every label is left out; map one to a class of the model")
    return mapped


def _listed(noun: str, labels: Sequence[str]) -> str:
    quoted = ", ".join(repr(label) for label in labels)
    return f"{noun} {quoted} is" if len(labels) == 1 else f"{noun}s {quoted} are"
