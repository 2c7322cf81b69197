"""What every test and docstring example starts from, wherever and however pytest was started.

Nothing may depend on the shell or on the number of processors: both are set here, for this process
and for those that tests start. Examples in docstrings and documentation find phantoms, a
radiograph, a DICOM file and a trained run in their working directory.
"""

import os
import shutil
import signal
from pathlib import Path

# Read by libraries of linear algebra when they are loaded, hence before the other imports. A second
# thread is no faster on images this small, and pytest-xdist's workers would wait for each other's.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import pytest
import torch

from dicom_files import RAMP12, dataset, written
from lungscope.parallel import cpu_count
from lungscope.phantom import write_phantoms
from lungscope.training import execution

MOST_WORKERS = 8
"""Each holds torch, about half a gigabyte; more of them are hardly faster."""


def pytest_configure():
    torch.set_num_threads(1)
    execution.cpu_count = lambda: 1  # else a training gives torch a thread for each processor
    os.umask(0o022)
    for variable in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PY_COLORS"):
        os.environ.pop(variable, None)
    os.environ["TERM"] = "xterm"  # rich shows no progress on a "dumb" terminal
    # `nohup` and a script's background jobs start with SIGINT ignored, and what a test starts
    # would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config):
    """A worker for each processor; none where single files are asked for, which start sooner."""
    asked = [Path(argument.split("::")[0]) for argument in config.args]
    return 0 if all(path.is_file() for path in asked) else min(cpu_count(), MOST_WORKERS)


@pytest.fixture(scope="session")
def example_files(tmp_path_factory) -> Path:
    """A folder with `xrays/` (60 phantoms), `xray.png`, `scan.dcm`, and `a.png` and `b.dcm`."""
    folder = tmp_path_factory.mktemp("examples")
    write_phantoms(folder / "xrays", 60, size=64)
    xray = next((folder / "xrays").rglob("*.png"))
    for name in ("xray.png", "a.png"):
        shutil.copy(xray, folder / name)
    for name in ("scan.dcm", "b.dcm"):
        (folder / name).write_bytes(written(dataset(RAMP12)))
    return folder


@pytest.fixture(scope="session")
def example_run(example_files, tmp_path_factory) -> Path:
    """A MobileNet-Lung trained for an epoch on the phantoms, evaluated and exported."""
    import lungscope as ls

    cache = tmp_path_factory.mktemp("example-cache")
    recipe = ls.Recipe(model="mobilenet-lung", weights="none", epochs=1, size=64)
    folder = tmp_path_factory.mktemp("example-runs") / "lung"
    run = ls.train(example_files / "xrays", folder=folder, recipe=recipe, cache_folder=cache)
    run.evaluate(cache_folder=cache)
    run.export(cache_folder=cache)
    return folder


@pytest.fixture
def example_folder(example_files, tmp_path, monkeypatch) -> Path:
    """A working directory with a copy of `example_files`, and an empty cache."""
    folder = shutil.copytree(example_files, tmp_path / "example")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture(autouse=True)
def _files_of_docstring_examples(request):
    """Lets an example of a docstring name the files of `example_folder`, and `runs/lung`."""
    if not isinstance(request.node, pytest.DoctestItem):
        return
    text = request.node.dtest.docstring or ""
    if any(name in text for name in ("xrays", "xray.png", "scan.dcm", "runs/")):
        folder = request.getfixturevalue("example_folder")
        if "runs/lung" in text:
            shutil.copytree(request.getfixturevalue("example_run"), folder / "runs" / "lung")
