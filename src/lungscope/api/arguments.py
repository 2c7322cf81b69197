"""What programs may give as data, split, path or device, and what is made of it."""

from collections.abc import Sequence
from pathlib import Path

from lungscope.data.class_mapping import ClassMapping, relabel
from lungscope.data.index import MIN_CLASSES, DataPath, Index
from lungscope.data.table import LABEL
from lungscope.errors import InvalidSetting
from lungscope.training.execution import Device, Execution

Data = Index | DataPath
"""An index, or the folder of class folders or CSV table that one is read from, or several."""


def open_index(
    data: Data,
    mapping: ClassMapping | None = None,
    label_column: str = LABEL,
    min_classes: int = MIN_CLASSES,
) -> Index:
    """Opens data that are not an index yet, and maps their labels.

    Args:
        data: an index, a folder or table, or several.
        mapping: classes of labels; None leaves the labels as they are.
        label_column: the table's column with the labels.
        min_classes: as for `Index.open`.

    Raises:
        InvalidSetting: `data` is of another kind.
        NotFound, InvalidData, Inaccessible: as `Index.open`.
    """
    if not isinstance(data, Index):
        several = [data] if isinstance(data, str | Path) else data
        if not isinstance(several, Sequence) or not all(isinstance(e, str | Path) for e in several):
            raise InvalidSetting(
                f"data is {type(data).__name__}; give an Index, or the path of a folder or CSV "
                "table, or several"
            )
        data = Index.open(several, label_column, min_classes=min_classes)
    return data if mapping is None else relabel(data, mapping)


def to_path(given: str | Path | None) -> Path | None:
    """Returns a path that may be given as text, or None."""
    return None if given is None else Path(given)


def find_accelerator(device: Device) -> str:
    """Returns Lightning's name for a device that can be used: "cpu" or "cuda".

    Raises:
        InvalidSetting: it cannot be used.
    """
    execution = Execution(device)
    execution.prepare()
    return execution.accelerator
