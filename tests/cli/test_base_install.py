"""What `pip install .` without extras must be able to do."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
IMPORTED_AS = {"scikit-learn": "sklearn", "python-multipart": "python_multipart"}
BROUGHT_BY_THE_BASE = {"pydantic"}  # by typer


def extras() -> set[str]:
    """The modules of all packages that only an extra brings."""
    text = PYPROJECT.read_text(encoding="utf-8")
    optional = text.split("[project.optional-dependencies]")[1].split("[project.scripts]")[0]
    names = set(re.findall(r'^    "([a-z0-9-]+)[><=]', optional, re.MULTILINE))
    assert {"torch", "fastapi", "scikit-learn"} <= names
    return {IMPORTED_AS.get(name, name.replace("-", "_")) for name in names - BROUGHT_BY_THE_BASE}


@pytest.fixture
def without_extras(tmp_path):
    radiograph = np.full((80, 96), 215, np.uint8)
    radiograph[:, 48:] = 40
    Image.fromarray(radiograph).save(tmp_path / "left.png")
    program = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name.partition('.')[0] in {sorted(extras())!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from lungscope.cli.app import main\n"
        "main()\n"
    )

    def run(*words):
        return subprocess.run(
            [sys.executable, "-c", program, *map(str, words)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )

    return run


def test_files_are_classified(without_extras, exported_model):
    done = without_extras("predict", "left.png", "--model", exported_model)
    assert done.returncode == 0, done.stderr
    assert "Lung Opacity" in done.stdout


def test_files_are_explained(without_extras, exported_model, tmp_path):
    done = without_extras("explain", "left.png", "--model", exported_model, "-o", "heat")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "heat").rglob("*.png"))


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (["train", "--data", "."], "train"),
        (["export", "run"], "train"),
        (["models"], "train"),
        (["serve"], "serve"),
    ],
)
def test_a_command_that_needs_more_says_what_to_install(without_extras, words, extra):
    done = without_extras(*words)
    assert done.returncode == 2
    assert f"pip install '.[{extra}]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
