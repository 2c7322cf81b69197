"""The audit log of answers: lines of JSON without identifiers."""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lungscope.errors import Inaccessible

LARGEST = 16 * 2**20
"""Largest file, bytes; then a new one is begun."""

KEPT = 9
"""Number of full files to keep, `.1` being the newest; older ones are removed."""

_OWN = 0o600


class AuditLogUnwritable(Inaccessible):
    """The audit log cannot be written."""


class AuditLog:
    """A file that is only added to, readable by its owner alone, whole line by whole line.

    Several threads may use one. Each line is handed to the operating system before `record`
    returns, and one that did not fit on the disk is taken back, so that no half line is left.
    """

    def __init__(self, path: Path, largest: int = LARGEST, kept: int = KEPT) -> None:
        """Opens or makes the file; its folder must exist.

        Args:
            path: path of the file.
            largest: largest size before a new one is begun, bytes, >= 1.
            kept: number of full files to keep, >= 1.

        Raises:
            AuditLogUnwritable: it cannot be opened.
        """
        self.path = path
        self._largest, self._kept = largest, kept
        self._lock = threading.Lock()
        self._file: int | None = self._opened()
        self.failed = False
        """Whether the last attempt to write failed."""

    def record(self, value: Mapping[str, Any]) -> None:
        """Adds a line.

        Raises:
            AuditLogUnwritable: it cannot be written; then nothing of it is in the file.
        """
        line = json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with self._lock:
            try:
                if self._file is None:
                    self._file = self._opened()
                before = os.fstat(self._file).st_size
                if before and before + len(line) > self._largest:
                    self._rotate()
                    before = 0
                self._write(line, before)
                self.failed = False
            except OSError as error:
                self.failed = True
                raise _unwritable(self.path, error) from error
            except AuditLogUnwritable:
                self.failed = True
                raise

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _opened(self) -> int:
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
            return os.open(self.path, flags, _OWN)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _write(self, line: bytes, before: int) -> None:
        assert self._file is not None  # noqa: S101 - opened by the caller
        written = 0
        try:
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError:
            if written:
                os.ftruncate(self._file, before)
            raise

    def _rotate(self) -> None:
        for number in range(self._kept, 0, -1):
            older = self.path if number == 1 else self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        full, self._file = self._file, None
        if full is not None:
            os.close(full)
        self._file = self._opened()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def _unwritable(path: Path, error: OSError) -> AuditLogUnwritable:
    return AuditLogUnwritable(f"{path}: the audit log cannot be written ({error.strerror})")
