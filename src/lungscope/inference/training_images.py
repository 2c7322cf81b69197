"""By what the images that a model was trained on are recognised again: hashes, not pictures."""

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungscope.atomic import atomic_file
from lungscope.errors import ModelDamaged, NotFound
from lungscope.inference.npz_file import read_arrays

LARGEST_FILE = 128 * 2**20
"""Bytes of a `training.npz`: about a million images, as many as a split may have."""

VERSION = 1
"""Of the way in which hashes and sketches are computed."""

SALT_BYTES = 16
GROUP_BYTES = 8

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class TrainingImages:
    """What is known of the N images that a model was fitted to or chosen by.

    Attributes:
        sha256: (N, 32) uint8, of each file's bytes.
        hashes: (N,) uint64, the perceptual hash of each picture; of none, (0,), where the pictures
            were not at hand.
        sketches: (N, B) uint8, the signs of each picture's fine detail; likewise.
        groups: (G, 8) uint8, salted hashes of the names of groups (patients); none where groups
            have no names.
        salt: (16,) uint8.
        version: (1,) uint8, `VERSION`.

    Raises:
        ModelDamaged: dtypes or shapes that do not fit, or another version.
    """

    sha256: Bytes
    hashes: NDArray[np.uint64]
    sketches: Bytes
    groups: Bytes
    salt: Bytes
    version: Bytes

    def __post_init__(self) -> None:
        if self.version.shape != (1,) or int(self.version[0]) != VERSION:
            raise ModelDamaged(
                "training images: hashes of another version; export the run again with this one"
            )
        images, pictures, groups = (len(e) for e in (self.sha256, self.hashes, self.groups))
        bits = self.sketches.shape[1] if self.sketches.ndim == 2 else 0
        shapes = {
            "sha256": (images, hashlib.sha256().digest_size),
            "hashes": (pictures,),
            "sketches": (pictures, bits),
            "groups": (groups, GROUP_BYTES),
            "salt": (SALT_BYTES,),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            kind = np.uint64 if name == "hashes" else np.uint8
            if array.dtype != kind or array.shape != shape:
                raise ModelDamaged(
                    f"training images: {name} is {array.dtype} {array.shape}, not "
                    f"{np.dtype(kind)} {shape}"
                )
        if pictures not in {0, images}:
            raise ModelDamaged(f"training images: {images} files, but {pictures} pictures")

    @property
    def images(self) -> int:
        """How many images there are."""
        return len(self.sha256)

    @cached_property
    def _contents(self) -> frozenset[bytes]:
        return frozenset(each.tobytes() for each in self.sha256)

    @cached_property
    def _groups(self) -> frozenset[bytes]:
        return frozenset(each.tobytes() for each in self.groups)

    def holds_content(self, sha256: bytes) -> bool:
        """Returns whether a file with these bytes is among them."""
        return sha256 in self._contents

    def holds_group(self, name: str) -> bool:
        """Returns whether an image is of the group (patient) of this name."""
        return hash_group(name, self.salt) in self._groups

    def save(self, path: Path) -> None:
        """Writes the arrays as npz, atomically; the same arrays give the same bytes."""
        with atomic_file(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **self._arrays())

    @classmethod
    def load(cls, path: Path) -> "TrainingImages":
        """Reads what `save` wrote.

        Raises:
            NotFound: no such file.
            ModelDamaged: unreadable, or not such arrays.
        """
        try:
            return cls(**read_arrays(path, {field.name for field in fields(cls)}, LARGEST_FILE))
        except FileNotFoundError as error:
            raise NotFound(f"{path}: {error.strerror}; copy the whole folder again") from error
        except OSError as error:
            raise ModelDamaged(f"{path}: {error.strerror or error}") from error
        except ModelDamaged as error:
            raise ModelDamaged(f"{path}: {error}") from error
        except Exception as error:  # what zipfile and numpy raise on damage is a long list
            raise ModelDamaged(
                f"{path}: not the hashes of training images; export the run again"
            ) from error

    def _arrays(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def hash_group(name: str, salt: Bytes) -> bytes:
    """Hashes the name of a group (patient) with a salt, to 8 bytes.

    Whoever guesses a name can check the guess; nobody can read names off the hashes, or compare
    those of two models.
    """
    content = name.encode(errors="surrogatepass")
    return hashlib.blake2b(content, digest_size=GROUP_BYTES, salt=salt.tobytes()).digest()
