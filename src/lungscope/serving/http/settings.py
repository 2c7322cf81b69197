"""What a person decides about the service: where it listens, who may ask, how much it takes."""

from dataclasses import dataclass, field
from pathlib import Path

from lungscope.errors import LungscopeError
from lungscope.images.reading import LARGEST_FILE
from lungscope.network_address import is_loopback
from lungscope.parallel import cpu_count

MIB = 2**20


def usual_workers() -> int:
    """One more than processors: while one waits for Python's lock, the others keep them busy."""
    return cpu_count() + 1


@dataclass(frozen=True)
class Settings:
    """How the service runs.

    Attributes:
        host: address or name to listen at.
        port: TCP port; 0 for any free one.
        token: what a client must present, or None where everybody on this machine may ask. Not in
            the printed form.
        largest_upload: bytes of one request's body at most; of a file, not more than `images`
            reads.
        most_files: of one request.
        queue: images that may wait for a worker; more are turned away.
        timeout: seconds from the end of an upload to its answer.
        upload_timeout: seconds from the head of a request to the end of its body.
        workers: threads that read and classify, one image each.
        audit_log: file that tells what was answered, or None for none.
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

    def __post_init__(self) -> None:
        if not self.local and self.token is None:
            raise LungscopeError(
                f"{self.host}: others could reach the service there, so it needs a token; give "
                "--token-file FILE or LUNGSCOPE_TOKEN, or listen at 127.0.0.1"
            )
        if not 0 <= self.port <= 65535:
            raise LungscopeError(f"port {self.port}: give 1 to 65535, or 0 for any free one")
        if not 0 < self.largest_upload <= LARGEST_FILE:
            raise LungscopeError(
                f"uploads of {self.largest_upload / MIB:g} MB: give 1 to {LARGEST_FILE // MIB}"
            )
        if min(self.queue, self.workers, self.most_files) < 1:
            raise LungscopeError("queue, workers and files of a request: give 1 or more")
        if not (self.timeout > 0 and self.upload_timeout > 0):
            raise LungscopeError("a time limit: give more than 0 seconds")

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the service."""
        return is_loopback(self.host)

    @property
    def uploads_in_memory(self) -> int:
        """Bytes of uploads that may be in memory at once, those of all clients together."""
        return max(4 * self.largest_upload, 256 * MIB)

    @property
    def grace(self) -> float:
        """Seconds that a stopping service gives to what it has accepted."""
        return self.timeout + 5
