"""What the README shows of Python is what Python does."""

import re
from pathlib import Path

from dicom_files import RAMP12, dataset, written

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_example_of_the_classifier_runs(phantoms, tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (example,) = (block for block in blocks if "Classifier.bundled()" in block)
    xray = next(phantoms.rglob("*.png")).read_bytes()
    for name in ("xray.png", "a.png"):
        (tmp_path / name).write_bytes(xray)
    (tmp_path / "b.dcm").write_bytes(written(dataset(RAMP12)))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(example, names)  # noqa: S102  the README is ours
    first, *others = capsys.readouterr().out.splitlines()
    assert "Viral Pneumonia" in first
    assert [line.split()[0] for line in others] == ["a.png", "b.dcm"]
    assert names["heat"].shape == (64, 64)
