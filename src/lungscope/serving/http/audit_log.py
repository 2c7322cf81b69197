"""The audit log of answers: lines of JSON without identifiers."""

import json
import logging
import os
import stat
import threading
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lungscope.errors import Inaccessible, InUse

LARGEST = 16 * 2**20
"""Usual largest size of a file, bytes; then a new one is begun."""

_OWN = 0o600

log = logging.getLogger("lungscope.serving")


class AuditLogUnwritable(Inaccessible):
    """The audit log cannot be written."""


class AuditLog:
    """A file that is only added to, readable by its owner alone, whole line by whole line.

    Several threads may use one, and no second process: a lock beside it (`.lock`) is held until
    `close`. Each line is handed to the operating system before `record` returns, and one that did
    not fit on the disk is taken back, so that no half line is left. Where the file was moved or
    removed, a new one is begun, with a warning in the service's log.
    """

    def __init__(self, path: Path, largest: int | None = LARGEST, kept: int | None = None) -> None:
        """Opens or makes the file; its folder must exist.

        Args:
            path: path of the file.
            largest: largest size before a new one is begun, bytes, >= 1; None for no limit.
            kept: number of full files to keep, >= 1; None keeps all.

        Raises:
            AuditLogUnwritable: it cannot be opened, or cannot be closed to others.
            InUse: another process writes it.
        """
        self.path = path
        self._largest, self._kept = largest, kept
        self._lock = threading.Lock()
        self._asked_to_reopen = False
        self._file: int | None = self._opened()
        self._occupied = self._occupy()
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
                before = self._current()
                if self._largest is not None and before and before + len(line) > self._largest:
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

    def check(self) -> None:
        """Returns if a line would be written, as far as can be told without one.

        Raises:
            AuditLogUnwritable: the last line was not written, or the file is gone and cannot be
                begun anew.
        """
        if self.failed:
            raise AuditLogUnwritable(f"{self.path}: the last line could not be written")
        with self._lock:
            try:
                self._current()
            except OSError as error:
                raise _unwritable(self.path, error) from error

    def reopen(self) -> None:
        """Has the file opened anew before the next line; a signal handler may call it."""
        self._asked_to_reopen = True

    def close(self) -> None:
        """Closes the file, and lets another process write it."""
        with self._lock:
            self._close()
            if self._occupied is not None:
                self._occupied.release()

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _current(self) -> int:
        """Opens the file where it is not the one at its path; returns its size."""
        if self._file is not None and (self._asked_to_reopen or not self._is_in_place()):
            if not self._asked_to_reopen:
                log.warning("%s: was moved or removed; a new one is begun", self.path)
            self._asked_to_reopen = False
            self._close()
        if self._file is None:
            self._file = self._opened()
        return os.fstat(self._file).st_size

    def _is_in_place(self) -> bool:
        assert self._file is not None  # noqa: S101 - asked by `_current`
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._file))
        except FileNotFoundError:
            return False

    def _opened(self) -> int:
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
            file = os.open(self.path, flags, _OWN)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        try:
            status = os.fstat(file)
            if os.name == "posix" and _is_open_to_others(status):
                os.fchmod(file, _OWN)
        except OSError as error:
            os.close(file)
            raise AuditLogUnwritable(
                f"{self.path}: others may read it, and that cannot be changed ({error.strerror})"
            ) from error
        return file

    def _occupy(self) -> FileLock | None:
        if not self.path.is_file():  # a device
            return None
        lock = FileLock(f"{self.path}.lock", mode=_OWN, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            self._close()
            raise InUse(
                f"{self.path}: another process writes this audit log; give each a file of its own"
            ) from error
        except OSError as error:
            self._close()
            raise _unwritable(self.path, error) from error
        return lock

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
        full = self._kept or next(n for n in count(1) if not self._numbered(n).exists())
        if self._kept is not None and self._numbered(full).exists():
            log.warning("%s: the oldest full file is removed", self.path)
        for number in range(full, 0, -1):
            older = self.path if number == 1 else self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        self._close()
        self._file = self._opened()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def _is_open_to_others(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and bool(status.st_mode & ~_OWN & 0o777)


def _unwritable(path: Path, error: OSError) -> AuditLogUnwritable:
    return AuditLogUnwritable(f"{path}: the audit log cannot be written ({error.strerror})")
