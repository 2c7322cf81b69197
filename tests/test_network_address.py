import pytest

from lungscope.network_address import is_loopback


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "Localhost", "::ffff:127.0.0.1"]
)
def test_this_machine_itself(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "0.0.0.0", "::", "10.0.0.5", "localhost.example.org", "example.org", "127.1", "[::1]"],  # noqa: S104
)
def test_any_other(host):
    assert not is_loopback(host)
