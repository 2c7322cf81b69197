"""A store, a target that takes results, and `lungscope pacs` as a process."""

import gc
import logging
import subprocess
from pathlib import Path

import pytest
from pacs_peers import Target

from lungscope.inference.classifier import Classifier
from lungscope.serving.pacs.queue import FILE, Queue
from lungscope.serving.pacs.recovery import recover
from lungscope.serving.pacs.settings import Limits, Settings
from lungscope.serving.pacs.settings import Target as ResultTarget
from lungscope.serving.pacs.spool import Spool
from lungscope.serving.pacs.store import Store
from lungscope.serving.pacs.tls import Tls


@pytest.fixture
def processes():
    started = []
    yield started
    for each in started:
        if each.process.poll() is None:
            each.kill()


@pytest.fixture
def target():
    made = Target()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def classifier(exported_model):
    return Classifier.load(exported_model)


@pytest.fixture
def queue(tmp_path):
    made = Queue(tmp_path / FILE)
    yield made
    made.close()


@pytest.fixture
def store(tmp_path, queue):
    made = Store(
        Spool(tmp_path / "spool"),
        queue,
        model="a model",
        targets=(ResultTarget.parse("PACS@127.0.0.1:104"),),
        free=0,
        keep=False,
    )
    recover(made)
    return made


@pytest.fixture
def settings(tmp_path, target):
    return Settings(tmp_path / "spool", (target.named(),), port=0, limits=Limits(free=0))


@pytest.fixture(autouse=True)
def _quiet_libraries(monkeypatch):
    """What the command does: their warnings are no news here, and may quote a patient."""
    for library in ("pynetdicom", "pydicom", "highdicom"):
        monkeypatch.setattr(logging.getLogger(library), "propagate", False)


def pytest_collection_modifyitems(items):
    """pynetdicom's clients leave sockets whose other end is gone to the garbage collector."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning"))


@pytest.fixture(scope="module", autouse=True)
def _no_sockets_left_to_others():
    yield
    gc.collect()


@pytest.fixture(scope="session")
def shared_dicom() -> list[Path]:
    folder = Path(__file__).resolve().parents[4] / "shared" / "data" / "dicom"
    if not folder.is_dir():
        pytest.skip(f"no real DICOM files: {folder} is absent")
    return sorted(folder.glob("*.dcm"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """An authority and a node's certificate for localhost, by openssl."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*words):
        try:
            subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
        except FileNotFoundError:
            pytest.skip("openssl is not installed")

    key = ["-newkey", "rsa:2048", "-nodes", "-days", "2"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test")
    openssl("req", *key, "-keyout", "node.key", "-out", "node.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
    openssl("x509", "-req", "-in", "node.csr", *signing, "-extfile", "names", "-out", "node.pem")
    return Tls(folder / "node.pem", folder / "node.key", folder / "ca.pem")
