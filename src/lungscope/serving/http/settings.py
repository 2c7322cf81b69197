"""Configuration of the HTTP service."""

from dataclasses import dataclass, field
from pathlib import Path

from lungscope.errors import InvalidSetting
from lungscope.images.reading import LARGEST_FILE
from lungscope.network_address import is_loopback
from lungscope.parallel import cpu_count

MIB = 2**20


def usual_workers() -> int:
    """Returns one more than processors: all stay busy while one waits for Python's lock."""
    return cpu_count() + 1


@dataclass(frozen=True)
class Settings:
    """Configuration of the HTTP service.

    Attributes:
        host: address or name to bind.
        port: TCP port; 0 for any free one.
        token: bearer token that clients must send, or None to serve this machine alone. Not in the
            `repr`.
        largest_upload: largest body of a request, bytes; at most the largest file that `images`
            reads.
        most_files: largest number of files in a request.
        queue: images that may wait for a worker; further ones are rejected (429).
        timeout: seconds from the end of an upload to its answer.
        upload_timeout: seconds from the head of a request to the end of its body.
        workers: threads that read and classify, one image each.
        audit_log: file that records the answers, or None.
        audit_log_size: largest size of that file before a new one is begun, bytes; None for none.
        audit_log_kept: number of full files that are kept; None for all.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    token: str | None = field(default=None, repr=False)
    largest_upload: int = 64 * MIB
    most_files: int = 32
    queue: int = 64
    timeout: float = 30.0
    upload_timeout: float = 60.0
    workers: int = field(default_factory=usual_workers)
    audit_log: Path | None = None
    audit_log_size: int | None = 16 * MIB
    audit_log_kept: int | None = None

    def __post_init__(self) -> None:
        if not self.local and self.token is None:
            raise InvalidSetting(
                f"{self.host}: the service is reachable by others there and needs a token; give "
                "one (in a file or LUNGSCOPE_TOKEN), or the host 127.0.0.1"
            )
        if not 0 <= self.port <= 65535:
            raise InvalidSetting(f"port {self.port}: give 1 to 65535, or 0 for any free one")
        if not 0 < self.largest_upload <= LARGEST_FILE:
            raise InvalidSetting(
                f"uploads of {self.largest_upload / MIB:g} MB: give 1 to {LARGEST_FILE // MIB}"
            )
        if min(self.queue, self.workers, self.most_files) < 1:
            raise InvalidSetting("queue, workers and files of a request: give 1 or more")
        if min(self.audit_log_size or 1, self.audit_log_kept or 1) < 1:
            raise InvalidSetting("size and number of audit logs: give 1 or more, or None")
        if not (self.timeout > 0 and self.upload_timeout > 0):
            raise InvalidSetting("a time limit: give more than 0 seconds")

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the service."""
        return is_loopback(self.host)

    @property
    def uploads_in_memory(self) -> int:
        """Largest total of uploads in memory, of all clients together, bytes."""
        return max(4 * self.largest_upload, 256 * MIB)

    @property
    def grace(self) -> float:
        """Seconds that a stopping service waits for accepted requests."""
        return self.timeout + 5
