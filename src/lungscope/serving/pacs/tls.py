"""TLS: certificates of the node, when they expire, and why a connection fails."""

import re
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from lungscope.errors import InvalidSetting

_VALIDITY = re.compile(
    # the sequence of two times of a certificate, UTCTime or GeneralizedTime (RFC 5280 4.1.2.5)
    rb"\x30[\x1e\x20\x22](?:\x17\x0d\d{12}|\x18\x0f\d{14})Z"
    rb"(?:\x17\x0d(?P<short>\d{12})|\x18\x0f(?P<long>\d{14}))Z"
)
_END = "-----END CERTIFICATE-----"
_HINTS = (
    ("WRONG_VERSION_NUMBER", "the other side does not speak TLS"),
    ("HTTP_REQUEST", "the other side speaks HTTP"),
    ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "the peer shows no certificate"),
    ("CERTIFICATE_REQUIRED", "the other side wants a certificate"),
    ("UNKNOWN_CA", "the other side does not know the authority of our certificate"),
    ("CERTIFICATE_EXPIRED", "the other side says that our certificate has expired"),
    ("BAD_CERTIFICATE", "the other side does not accept our certificate"),
    ("UNSUPPORTED_PROTOCOL", "no common version; TLS 1.2 or later is spoken here"),
    ("NO_SHARED_CIPHER", "no common cipher"),
)


@dataclass(frozen=True)
class Tls:
    """TLS certificates, as PEM files.

    Attributes:
        certificate, key: certificate of this node and its private key, without a password.
        authority: CA that must have signed the peers' certificates. Without it, peers connect
            without a certificate, and the target's is checked against the system's CAs.
    """

    certificate: Path
    key: Path
    authority: Path | None = None

    @property
    def expires(self) -> float:
        """When the certificate expires, in seconds since 1970.

        Raises:
            InvalidSetting: the file holds no certificate.
        """
        try:
            content = ssl.PEM_cert_to_DER_cert(_first_certificate(self.certificate.read_text()))
        except (OSError, ValueError) as error:
            raise InvalidSetting(f"{self.certificate}: give a certificate as PEM") from error
        found = _VALIDITY.search(content)
        if found is None:
            raise InvalidSetting(f"{self.certificate}: its dates cannot be read")
        short, long = found["short"], found["long"]
        # of two digits of a year, 50 and more are of the last century (RFC 5280 4.1.2.5.1)
        text = (long or (b"19" if short[0] >= ord("5") else b"20") + short).decode("ascii")
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc).timestamp()

    def server(self) -> ssl.SSLContext:
        """Returns the context for peers that connect to this node.

        Raises:
            InvalidSetting: a file that cannot be used.
        """
        context = self._context(ssl.Purpose.CLIENT_AUTH)
        if self.authority is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self) -> ssl.SSLContext:
        """Returns the context for sending, which checks the target's certificate and host name.

        Raises:
            InvalidSetting: a file that cannot be used.
        """
        return self._context(ssl.Purpose.SERVER_AUTH)

    def _context(self, purpose: ssl.Purpose) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(purpose, cafile=self.authority)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise InvalidSetting(
                f"TLS: {self.certificate}, {self.key} or its authority cannot be used ({error}); "
                "give PEM files, the key without a password"
            ) from error
        return context


def _no_password() -> str:
    raise ValueError("the key has a password")


def _first_certificate(text: str) -> str:
    return text[text.index("-----BEGIN CERTIFICATE-----") :].partition(_END)[0] + _END + "\n"


def explain_tls(error: OSError) -> str:
    """Returns why a handshake failed: OpenSSL's words, and what they mean.

    Args:
        error: raised by the handshake, or by the connection under it.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer"
    reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
    hint = next((meaning for part, meaning in _HINTS if part in reason), None)
    return f"{reason} ({hint})" if hint else str(reason)


def find_obstacle(host: str, port: int, context: ssl.SSLContext | None, seconds: float) -> str:
    """Returns why an address cannot be connected to; pynetdicom keeps that to itself.

    Args:
        host: name or address.
        port: TCP port.
        context: for TLS, or None.
        seconds: to wait at most for each step.
    """
    try:
        connection = socket.create_connection((host, port), timeout=seconds)
    except OSError as error:
        return "no answer" if isinstance(error, TimeoutError) else str(error.strerror or error)
    with connection:
        if context is None:
            return "it ends the connection"
        try:
            with context.wrap_socket(connection, server_hostname=host) as secure:
                # in TLS 1.3 the other side says only now that it refuses our certificate
                secure.settimeout(min(seconds, 1.0))
                secure.recv(1)
        except OSError as error:
            return f"TLS failed: {explain_tls(error)}"
    return "it ends the connection"
