"""Reading bytes as a file, and why they are refused."""

import re

import pytest

from lungscope.errors import UnreadableImage
from lungscope.images import read as read_file
from lungscope.images import read_content


@pytest.fixture
def read(tmp_path):
    """Reads bytes as a file of the given name."""

    def from_bytes(content, name="image"):
        path = tmp_path / name
        path.write_bytes(content)
        return read_file(path)

    return from_bytes


@pytest.fixture
def refusal(tmp_path):
    """The reason why bytes under a name are refused."""

    def of(content, name="image"):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UnreadableImage) as caught:
            read_file(path)
        assert caught.value.path == path
        assert str(caught.value) == f"{path}: {caught.value.reason}"
        assert "\n" not in caught.value.reason
        if content:
            with pytest.raises(UnreadableImage, match=re.escape(caught.value.reason)):
                read_content(content, name)
        return caught.value.reason

    return of
