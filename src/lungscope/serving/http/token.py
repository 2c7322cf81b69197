"""The token that clients present: from a file or the environment, compared in constant time."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path

from lungscope.errors import LungscopeError

VARIABLE = "LUNGSCOPE_TOKEN"
SHORTEST = 16
_LARGEST_FILE = 4096
_SCHEME = b"bearer"
_FORM = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, section 2.1


def read_token(file: Path | None, environment: Mapping[str, str]) -> str | None:
    """Finds the token. Never on the command line, which every user of a machine can read.

    Args:
        file: holds nothing else; white space around it is passed over.
        environment: where `LUNGSCOPE_TOKEN` may be set; empty counts as not set.

    Returns:
        The token, or None where neither has one.

    Raises:
        LungscopeError: both are given, the file cannot be read, or the token is short or has
            characters that no header can carry.
    """
    given = environment.get(VARIABLE) or None
    if file is None:
        return None if given is None else _checked(given, VARIABLE)
    if given is not None:
        raise LungscopeError(f"{file} and {VARIABLE}: give the token once")
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_FILE).decode("ascii", errors="replace")
    except OSError as error:
        raise LungscopeError(f"{file}: {error.strerror}; give a file with the token") from error
    return _checked(content.strip(), str(file))


def presents(authorization: bytes, token: str) -> bool:
    """Whether a header presents the token; how long that takes says nothing of the token.

    Args:
        authorization: the value of `Authorization`; empty where there is none.
        token: of the service.
    """
    scheme, _, given = authorization.strip().partition(b" ")
    same = hmac.compare_digest(_digest(given.strip()), _digest(token.encode("ascii")))
    return same and scheme.lower() == _SCHEME


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def _checked(token: str, origin: str) -> str:
    if not _FORM.fullmatch(token):
        raise LungscopeError(
            f"{origin}: a token has letters, digits and ._~+/- only; make one with openssl rand "
            "-hex 32"
        )
    if len(token) < SHORTEST:
        raise LungscopeError(
            f"{origin}: a token of {len(token)} characters can be guessed; make one with openssl "
            "rand -hex 32"
        )
    return token
