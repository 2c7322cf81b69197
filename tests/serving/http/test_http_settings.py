import pytest

from lungscope.errors import LungscopeError
from lungscope.serving.http.settings import MIB, Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"])
def test_this_machine_may_ask_without_a_token(host):
    assert Settings(host=host).local


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org", "", "127.1"])  # noqa: S104
def test_to_listen_elsewhere_needs_a_token(host):
    with pytest.raises(LungscopeError, match="needs a token; give one"):
        Settings(host=host)
    assert not Settings(host=host, token="t" * 16).local


def test_the_token_is_not_printed():
    assert "secret" not in repr(Settings(token="secret-secret-secret"))  # noqa: S106


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": -1},
        {"port": 65536},
        {"queue": 0},
        {"workers": 0},
        {"most_files": 0},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"upload_timeout": -1},
        {"largest_upload": 0},
        {"largest_upload": 513 * MIB},
    ],
)
def test_values_that_cannot_be_are_refused(wrong):
    with pytest.raises(LungscopeError):
        Settings(**wrong)


def test_all_uploads_together_have_room_for_several_of_the_largest():
    assert Settings(largest_upload=100 * MIB).uploads_in_memory == 400 * MIB
    assert Settings(largest_upload=MIB).uploads_in_memory == 256 * MIB
