import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.errors import LungscopeError
from lungscope.serving.http.access import presents, read_token

TOKEN = "0123456789abcdef"  # noqa: S105 - of the tests alone
TOKENS = st.from_regex(r"\A[A-Za-z0-9._~+/-]{16,40}\Z")


def test_there_is_none_unless_one_is_given():
    assert read_token(None, {}) is None
    assert read_token(None, {"LUNGSCOPE_TOKEN": ""}) is None


def test_it_comes_from_the_environment():
    assert read_token(None, {"LUNGSCOPE_TOKEN": TOKEN}) == TOKEN


def test_it_comes_from_a_file_without_the_white_space_around_it(tmp_path):
    file = tmp_path / "token"
    file.write_text(f"  {TOKEN}\n")
    assert read_token(file, {}) == TOKEN


def test_two_of_them_are_refused(tmp_path):
    with pytest.raises(LungscopeError, match="give the token once"):
        read_token(tmp_path / "token", {"LUNGSCOPE_TOKEN": TOKEN})


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path):
    with pytest.raises(LungscopeError, match="token: No such file"):
        read_token(tmp_path / "token", {})


@pytest.mark.parametrize(
    "content", ["", "too-brief", "two words and more", "zażółć" * 4, "x\0" * 16]
)
def test_a_token_that_is_short_or_no_header_can_carry_is_refused_and_not_told(content, tmp_path):
    file = tmp_path / "file"
    file.write_text(content)
    with pytest.raises(LungscopeError, match="openssl rand -hex 32") as error:
        read_token(file, {})
    assert not content or content not in str(error.value)


@given(TOKENS)
def test_who_presents_the_token_is_let_in(token):
    assert presents(f"Bearer {token}".encode(), token)
    assert presents(f"bearer  {token} ".encode(), token)


@given(TOKENS, TOKENS)
def test_who_presents_another_is_not(token, other):
    assert presents(f"Bearer {other}".encode(), token) == (token == other)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        TOKEN.encode(),
        b"Basic " + TOKEN.encode(),
        b"Bearer \xff\xfe",
        f"Bearer {TOKEN}x".encode(),
        f"Bearer {TOKEN[:-1]}".encode(),
    ],
)
def test_what_is_no_bearer_token_lets_nobody_in(header):
    assert not presents(header, TOKEN)
