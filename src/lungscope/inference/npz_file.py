"""Arrays in an npz file, read within limits: no pickle, and nothing that unpacks to more."""

import io
import zipfile
from collections.abc import Set
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_arrays(path: Path, names: Set[str], largest: int) -> dict[str, NDArray[Any]]:
    """Reads the arrays of a file that `numpy.savez` wrote.

    Args:
        path: the file.
        names: of the arrays, all of them and no others.
        largest: bytes that the file may have; as it is not packed, its arrays have no more.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large, packed, encrypted, or has other arrays. What numpy and zipfile
            raise on damage is of many other kinds.
    """
    if path.stat().st_size > largest:
        raise ValueError("too large")
    content = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as members:
        found = {member.filename: member for member in members.infolist()}
    if set(found) != {f"{name}.npy" for name in names}:
        raise ValueError("other arrays")
    # as numpy.savez writes them: neither packed nor encrypted, so a small file holds small arrays
    if any(
        each.compress_type != zipfile.ZIP_STORED or each.flag_bits & 1 for each in found.values()
    ):
        raise ValueError("packed arrays")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
