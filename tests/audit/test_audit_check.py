import json
import re
import shutil
import sys
from functools import partial
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
MODULE, TESTS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
BUILT_IN = [
    *("shortcuts", "source-probe", "by-source", "leaks", "robustness"),
    *("faithfulness", "randomisation", "test-size", "misclassifications"),
]


def test_the_checks_are_listed_in_the_order_in_which_they_run():
    names = [check.name for check in list_checks()]
    assert [name for name in names if name in BUILT_IN] == BUILT_IN
    assert names == [each.name for each in sorted(list_checks(), key=lambda each: each.order)]


def test_a_name_is_taken_once():
    again = Check("leaks", object, lambda _: None, lambda *_: ())
    with pytest.raises(ValueError, match="'leaks' is registered twice"):
        register_check(again)


@pytest.fixture
def mirrored(tmp_path, monkeypatch):
    """The module that the page shows, among those of `audit/checks/`; before one of its name."""
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "mirrored.py").write_text(MODULE, encoding="utf-8")
    others = {each.name: each for each in list_checks() if each.name != "mirrored"}
    monkeypatch.setattr(registry, "_REGISTERED", others)
    monkeypatch.setattr(checks, "__path__", [str(tmp_path / "checks"), *checks.__path__])
    monkeypatch.delitem(sys.modules, f"{checks.__name__}.mirrored", raising=False)
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
    assert list(written["results"]) == [check.name for check in list_checks()]
    assert (copy.audit / "figures" / "mirrored.png").is_file()
    read = AuditReport.load(copy.audit)
    assert type(read.results["mirrored"]).__name__ == "Mirrored"
    report = write_report(copy)
    page = report.page.read_text()
    assert finding["title"] in page
    assert "The model&#39;s accuracy on the test images as they are and mirrored." in page
    assert finding["title"] in report.card.read_text()


@pytest.mark.usefixtures("mirrored")
def test_the_tests_of_the_page_pass(reader, written):
    list_checks()
    names = {}
    exec(TESTS, names)  # noqa: S102  the page is ours
    for conclude in _cases(names["test_it_passes_where_a_large_drop_is_excluded"]):
        conclude()
    for measure in _cases(names["test_a_model_that_reads_one_side_loses_its_accuracy"]):
        measure(reader=reader, written=written)


def _cases(test):
    """A test for each case of its `parametrize`."""
    (mark,) = test.pytestmark
    names, cases = mark.args
    return [partial(test, **dict(zip(names, case, strict=True))) for case in cases]


def test_the_result_of_a_check_that_is_gone_is_kept_and_its_finding_shown(tmp_path):
    report = AuditReport.load(_with_stranger(tmp_path))
    assert report.results == {"gone": {"clean": 1}}
    assert [each.name for each in report.concerns] == ["gone"]


def _with_stranger(folder):
    finding = {
        "name": "gone",
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
        "results": {"gone": {"clean": 1}},
    }
    (folder / "audit.json").write_text(json.dumps(content))
    return folder
