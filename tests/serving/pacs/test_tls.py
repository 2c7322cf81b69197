import socket
import ssl
import subprocess
import threading
import time
from dataclasses import replace

import pytest
from pacs_peers import Target, free_port

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.tls import Tls, explain_tls, find_obstacle


@pytest.fixture
def expired(certificates, tmp_path):
    """A certificate for localhost of the same authority that expired yesterday."""
    folder = certificates.certificate.parent
    signing = ["-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial"]
    names = ["-days", "-1", "-extfile", folder / "names"]
    made = tmp_path / "expired.pem"
    subprocess.run(
        ["openssl", "x509", "-req", "-in", folder / "node.csr", *signing, *names, "-out", made],
        check=True,
        capture_output=True,
    )
    return replace(certificates, certificate=made)


def openssl_date(path):
    said = subprocess.run(
        ["openssl", "x509", "-in", path, "-noout", "-enddate"], capture_output=True, text=True
    ).stdout
    return ssl.cert_time_to_seconds(said.strip().partition("=")[2])


def test_a_certificate_says_when_it_expires(certificates, expired):
    for each in (certificates, expired):
        assert each.expires == openssl_date(each.certificate)
    assert certificates.expires > time.time() > expired.expires


def test_years_of_four_digits_are_read(certificates, tmp_path):
    made, key = tmp_path / "long.pem", ["-key", certificates.key]
    subprocess.run(
        ["openssl", "req", "-x509", *key, "-days", "20000", "-subj", "/CN=long", "-out", made],
        check=True,
        capture_output=True,
    )
    assert Tls(made, certificates.key).expires == openssl_date(made)


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n", "no PEM"])
def test_what_is_no_certificate_is_refused(tmp_path, content):
    (tmp_path / "a.pem").write_text(content)
    with pytest.raises(LungscopeError, match=r"a\.pem: "):
        _ = Tls(tmp_path / "a.pem", tmp_path / "a.key").expires


def test_a_connection_that_is_refused_says_so():
    assert find_obstacle("127.0.0.1", free_port(), None, 2) == "Connection refused"


def test_an_expired_certificate_of_the_target_is_told_from_one_that_is_away(certificates, expired):
    target = Target(tls=expired.server())
    try:
        found = find_obstacle("localhost", target.port, certificates.client(), 5)
    finally:
        target.stop()
    assert found == "TLS failed: its certificate is not accepted: certificate has expired"


def test_a_target_that_refuses_our_certificate_is_told(certificates, tmp_path):
    target = Target(tls=certificates.server())
    stranger = ssl.create_default_context(cafile=certificates.authority)
    try:
        found = find_obstacle("localhost", target.port, stranger, 5)
    finally:
        target.stop()
    assert "the other side wants a certificate" in found


def test_a_target_that_speaks_no_tls_is_told(certificates):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            peer, _ = server.accept()
            with peer:
                peer.recv(100)
                peer.sendall(b"\3\0\0\0\0\4\0\1\1\1")

        thread = threading.Thread(target=answer)
        thread.start()
        port = server.getsockname()[1]
        found = find_obstacle("localhost", port, certificates.client(), 5)
        thread.join()
    assert "the other side does not speak TLS" in found


def test_an_error_without_words_is_told_by_its_kind():
    assert explain_tls(TimeoutError("timed out")) == "no answer"
    assert explain_tls(ConnectionResetError(104, "Connection reset by peer")) == (
        "Connection reset by peer"
    )
