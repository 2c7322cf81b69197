"""Phantoms, and what is made of them, shared by the tests of all rooms."""

from pathlib import Path

import pytest

from lungscope.data.index import Index
from lungscope.data.split import Split
from lungscope.data.splitting import make_split
from lungscope.data.survey import survey_images
from lungscope.phantom import write_phantoms
from tiny_model import write_tiny_model

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory) -> Path:
    """A folder of 60 phantoms of 64 x 64."""
    return write_phantoms(tmp_path_factory.mktemp("data") / "phantoms", 60, size=64)


@pytest.fixture(scope="session")
def phantom_split(phantoms) -> Split:
    index = Index.open(phantoms)
    return make_split(index, survey_images(index), (0.6, 0.2, 0.2))


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def exported_model(tmp_path_factory) -> Path:
    """A folder as `lungscope export` writes it; see `tiny_model`."""
    return write_tiny_model(tmp_path_factory.mktemp("exported") / "tiny")


@pytest.fixture
def real_xrays() -> Path:
    """The real X-rays beside the project, where there are some."""
    folder = SHARED / "lung-xray"
    if not folder.is_dir():
        pytest.skip(f"no real X-rays: {folder} is absent")
    return folder
