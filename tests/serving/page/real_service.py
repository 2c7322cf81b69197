"""`lungscope serve` itself, with the bundled model, on a free port."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def real_service(*options: str, token: str | None = None) -> Iterator[str]:
    """Yields its URL."""
    environment = {k: v for k, v in os.environ.items() if k != "LUNGSCOPE_TOKEN"}
    if token is not None:
        environment["LUNGSCOPE_TOKEN"] = token
    command = [sys.executable, "-m", "lungscope", "serve", "--port", "0", *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**environment, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            found = re.search(r"http://\S+/", line)
            if found is not None:
                yield found[0]
                break
        else:
            raise AssertionError(f"lungscope serve ended: {said}")
    finally:
        process.terminate()
        process.communicate(timeout=30)
