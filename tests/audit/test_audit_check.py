import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from lungscope.audit import check as registry
from lungscope.audit import checks
from lungscope.audit.audit_report import AuditReport
from lungscope.audit.check import Check, list_checks, register_check
from lungscope.audit.run_audit import audit_run
from lungscope.data.index import Index
from lungscope.report.run_report import write_report
from lungscope.training.run import RunFolder

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "add-an-audit-check.md"
BUILT_IN = [
    *("shortcuts", "source-probe", "by-source", "leaks", "robustness"),
    *("faithfulness", "randomisation", "test-size", "misclassifications"),
]


def test_the_checks_are_listed_in_the_order_in_which_they_run():
    assert [check.name for check in list_checks()] == BUILT_IN


def test_a_name_is_taken_once():
    again = Check("leaks", object, lambda _: None, lambda *_: ())
    with pytest.raises(ValueError, match="'leaks' is registered twice"):
        register_check(again)


@pytest.fixture
def mirrored(tmp_path, monkeypatch):
    """The module that the page shows, among those of `audit/checks/`."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "mirrored.py").write_text(code, encoding="utf-8")
    list_checks()  # the built-in ones stay registered
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
    monkeypatch.setattr(checks, "__path__", [*checks.__path__, str(tmp_path / "checks")])
    yield
    sys.modules.pop(f"{checks.__name__}.mirrored")


@pytest.mark.usefixtures("mirrored")
def test_the_check_of_the_page_is_found_and_shown_everywhere(run, phantoms, cache_folder, tmp_path):
    copy = RunFolder.open(shutil.copytree(run.folder, tmp_path / "run"))
    audit_run(copy, Index.open(phantoms), copy.audit, cache_folder=cache_folder, workers=1)
    written = json.loads((copy.audit / "audit.json").read_text())
    (finding,) = (each for each in written["findings"] if each["name"] == "mirrored")
    effect = written["results"]["mirrored"]["effect"]
    assert set(effect["difference"]) == {"value", "low", "high"}
    assert [name for name in written["results"] if name != "mirrored"] == BUILT_IN
    assert (copy.audit / "figures" / "mirrored.png").is_file()
    read = AuditReport.load(copy.audit)
    assert type(read.results["mirrored"]).__name__ == "Mirrored"
    report = write_report(copy)
    page = report.page.read_text()
    assert finding["title"] in page
    assert "The model&#39;s accuracy on the test images as they are and mirrored." in page
    assert finding["title"] in report.card.read_text()


def test_the_result_of_a_check_that_is_gone_is_kept_and_its_finding_shown(tmp_path):
    report = AuditReport.load(_with_stranger(tmp_path))
    assert report.results == {"mirrored": {"clean": 1}}
    assert [each.name for each in report.concerns] == ["mirrored"]


def _with_stranger(folder):
    finding = {
        "name": "mirrored",
        "title": "Is it?",
        "verdict": "warn",
        "statement": "It is.",
        "threshold": "Warns.",
    }
    content = {
        "weights_sha256": "0" * 64,
        "subset": "test",
        "images": 2,
        "groups": 1,
        "accuracy": {"value": 0.5, "low": 0.0, "high": 1.0},
        "findings": [finding],
        "figures": [],
        "results": {"mirrored": {"clean": 1}},
    }
    (folder / "audit.json").write_text(json.dumps(content))
    return folder
