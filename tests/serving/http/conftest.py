"""The service over a tiny model, behind a real socket."""

from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from http_service import png, running

from lungscope.serving.http.service import Model
from lungscope.serving.http.settings import Settings


@pytest.fixture
def image() -> bytes:
    return png()


@pytest.fixture(scope="session")
def load(exported_model):
    return lambda: Model.load(exported_model)


@pytest.fixture
def client_of(load):
    """Makes a client of a service with the settings given, which runs as long as the test."""
    with ExitStack() as stack:

        def make(*, load=load, **settings) -> httpx.Client:
            chosen = Settings(**({"port": 0, "workers": 1} | settings))
            host, port = stack.enter_context(running(chosen, load))
            address = f"http://{host}:{port}"
            return stack.enter_context(httpx.Client(base_url=address, trust_env=False, timeout=30))

        yield make


@pytest.fixture(scope="module")
def served(load):
    """The address of a service with the settings that it has by itself."""
    with running(Settings(port=0, workers=1), load) as address:
        yield address


@pytest.fixture(scope="module")
def client(served):
    with httpx.Client(base_url=f"http://{served[0]}:{served[1]}", trust_env=False) as found:
        yield found


@pytest.fixture
def tampered(exported_model, tmp_path) -> Path:
    """A model folder whose graph is not the one that its description names."""
    folder = tmp_path / "tampered"
    folder.mkdir()
    for file in exported_model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    graph = folder / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    return folder
