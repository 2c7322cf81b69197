import tempfile
from contextlib import suppress
from itertools import pairwise

import pytest
from http_service import form
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.serving.http.intake import Form, Upload, cleaned
from lungscope.serving.http.problems import Problem

TYPE = "multipart/form-data; boundary=b0undary"


def part(content: bytes, disposition: str = 'form-data; name="file"; filename="x.png"') -> bytes:
    head = f"--b0undary\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
    return head + content + b"\r\n"


def parsed(*pieces: bytes, kind: str = TYPE, most: int = 9) -> list[Upload]:
    taking = Form(kind, most)
    for piece in pieces:
        taking.take(piece)
    return taking.uploads()


def refusal(*pieces: bytes, kind: str = TYPE, most: int = 9) -> str:
    with pytest.raises(Problem) as caught:
        parsed(*pieces, kind=kind, most=most)
    assert "\n" not in caught.value.detail
    return caught.value.kind.name


@given(
    st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    st.lists(st.integers(0, 2000), max_size=8),
)
def test_files_are_the_same_however_the_body_is_cut(contents, cuts):
    contents = [content.replace(b"--b0undary", b"") for content in contents]
    body = b"".join(part(each) for each in contents) + b"--b0undary--\r\n"
    places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    pieces = [body[start:end] for start, end in pairwise(places)]
    assert [each.content for each in parsed(*pieces)] == contents


@given(st.binary(max_size=400))
def test_any_bytes_are_files_or_a_problem(body):
    with suppress(Problem):  # and of no other class
        parsed(body)


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_form_is_files_or_a_problem(data):
    body = bytearray(part(b"first") + part(b"second") + b"--b0undary--\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Problem):
        parsed(bytes(body))


def test_what_follows_the_last_boundary_is_passed_over():
    assert parsed(form(b"content") + b"epilogue")[0].content == b"content"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("", "unsupported-media-type"),
        ("application/json", "unsupported-media-type"),
        ("image/png", "unsupported-media-type"),
        ("multipart/mixed; boundary=x", "unsupported-media-type"),
        ("multipart/form-data", "malformed-request"),
        ("multipart/form-data; boundary=", "malformed-request"),
        ("multipart/form-data; boundary=" + "x" * 71, "malformed-request"),
    ],
)
def test_another_type_is_refused_before_a_byte_is_read(kind, name):
    with pytest.raises(Problem) as caught:
        Form(kind, 9)
    assert caught.value.kind.name == name


@pytest.mark.parametrize("end", range(1, len(form(b"content")) - 4, 7))
def test_a_body_that_is_cut_short_is_refused(end):
    assert refusal(form(b"content")[:end]) == "malformed-request"


def test_a_body_of_another_boundary_is_refused():
    assert refusal(form(b"content", boundary=b"other")) == "malformed-request"


def test_a_form_without_a_file_is_refused():
    assert refusal(b"--b0undary--\r\n") == "invalid-request"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('form-data; name="file"', "invalid-request"),
        ('form-data; name="image"; filename="x.png"', "invalid-request"),
        ('attachment; filename="x.png"', "malformed-request"),
        ("form-data", "malformed-request"),
    ],
)
def test_fields_other_than_files_are_refused(disposition, name):
    assert refusal(part(b"x", disposition) + b"--b0undary--\r\n") == name


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("UTF-8''na%C3%AFve%20x.png", "naïve x.png"),
        ("iso-8859-1'en'%A3.png", "£.png"),
        ("undefined''x.png", "x.png"),
        ("UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("UTF-8''%ff.png", "\N{REPLACEMENT CHARACTER}.png"),
    ],
)
def test_a_file_may_have_its_name_in_the_extended_form_alone(value, name):
    disposition = f'form-data; name="file"; filename*={value}'
    (upload,) = parsed(part(b"x", disposition) + b"--b0undary--\r\n")
    assert upload.name == name


def test_the_plain_name_is_the_one_that_counts():
    disposition = 'form-data; name="file"; filename="a.png"; filename*=UTF-8\'\'b.png'
    (upload,) = parsed(part(b"x", disposition) + b"--b0undary--\r\n")
    assert upload.name == "a.png"


def test_more_files_than_are_taken_are_refused_as_soon_as_one_too_many_begins():
    assert refusal(part(b"a") + part(b"b") + part(b"c"), most=2) == "upload-too-large"
    assert len(parsed(part(b"a") + part(b"b") + b"--b0undary--\r\n", most=2)) == 2


def test_a_part_with_an_endless_header_is_refused():
    assert refusal(b"--b0undary\r\nX: " + b"a" * 20_000) == "malformed-request"


def test_a_part_with_many_headers_is_refused():
    assert refusal(b"--b0undary\r\n" + b"X: y\r\n" * 20) == "malformed-request"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chest.png", "chest.png"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\jane\\chest.png", "chest.png"),
        ("..\\..\\chest.png", "chest.png"),
        ("..", "unnamed"),
        (".", "unnamed"),
        ("", "unnamed"),
        ("///", "unnamed"),
        ("folder/", "folder"),
        ("a\r\nSet-Cookie: x=1\0.png", "aSet-Cookie: x=1.png"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        ("Röntgen 胸.png", "Röntgen 胸.png"),
    ],
)
def test_a_name_is_repeated_without_folders_and_control_characters(name, expected):
    assert cleaned(name) == expected


@given(st.text(max_size=600))
def test_a_cleaned_name_is_never_a_path_and_can_always_be_printed(name):
    found = cleaned(name)
    assert 0 < len(found) <= 255
    assert found.isprintable()
    assert not {"/", "\\"} & set(found)
    assert found not in {".", ".."}


def test_of_a_long_name_the_end_is_kept_with_its_suffix():
    assert cleaned("x" * 300 + ".dcm") == "x" * 251 + ".dcm"


def test_no_file_is_made_however_large_the_upload_is(monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("a temporary file")

    for name in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, forbidden)
    content = bytes(5_000_000)
    assert parsed(form(content))[0].content == content


@pytest.mark.parametrize("charset", ["undefined", "punycode", "rot13", "no-such-codec"])
def test_a_charset_of_the_client_decides_nothing(charset):
    assert parsed(form(b"content"), kind=f"{TYPE}; charset={charset}")[0].name == "x.png"
