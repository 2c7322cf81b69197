import json
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from made_up import faithfulness, leaks, randomisation, robustness, shortcuts

from damaged_files import TEXTS, damaged, replaced
from lungscope.audit.audit_report import AuditReport
from lungscope.audit.checks.misclassifications import (
    GroupScore,
    Misclassification,
    Misclassifications,
)
from lungscope.audit.finding import VERDICTS, AuditFigure, Finding, Verdict
from lungscope.errors import InvalidData, LungscopeError, NotFound
from lungscope.estimate import Estimate
from lungscope.json_files import MAX_BYTES


def finding(name, verdict):
    return Finding(name, "Is it?", verdict, "It is.", "Fails if not.")


WORST = Misclassification("1.png", "g", None, "a", "b", {"a": 0.1, "b": 0.9}, 2.3)
REPORT = AuditReport(
    weights_sha256="0" * 64,
    subset="test",
    images=60,
    groups=41,
    accuracy=Estimate(0.9, 0.8, 0.95),
    findings=(
        finding("one", "pass"),
        finding("two", "not-measured"),
        finding("three", "fail"),
        finding("four", "warn"),
        finding("five", "fail"),
    ),
    figures=(AuditFigure("robustness", "What it shows.", "What is drawn."),),
    results={
        "shortcuts": shortcuts(),
        "leaks": leaks(),
        "robustness": robustness(),
        "faithfulness": faithfulness(),
        "randomisation": randomisation(),
        "by-source": None,
        "misclassifications": Misclassifications(
            1, (WORST,), 41, Estimate(0.1, 0.0, 0.2), {0: 40, 1: 1}, (GroupScore("g", 1, 1),)
        ),
        "unheard-of": {"numbers": [1, 2.5, None]},
    },
)


@pytest.fixture
def load(tmp_path):
    """Reads a text as if it were an `audit.json`."""

    def load(text):
        (tmp_path / "audit.json").write_text(text)
        return AuditReport.load(tmp_path)

    return load


def test_a_report_comes_back_as_it_was_saved(tmp_path):
    REPORT.save(tmp_path)
    assert AuditReport.load(tmp_path) == REPORT


def test_every_verdict_has_its_severity():
    assert set(VERDICTS) == set(get_args(Verdict))


def test_findings_are_counted_and_sorted_by_severity():
    assert REPORT.counts == {"fail": 2, "warn": 1, "pass": 1, "not-measured": 1}
    assert list(REPORT.counts) == ["fail", "warn", "pass", "not-measured"]
    assert [each.name for each in REPORT.by_severity] == ["three", "five", "four", "one", "two"]
    assert [each.name for each in REPORT.concerns] == ["three", "five", "four"]


def test_its_repr_is_a_summary_in_a_line():
    assert repr(REPORT) == ("AuditReport(60 test images: 2 fail, 1 warn, 1 pass, 1 not-measured)")


WRITTEN = json.loads(json.dumps(REPORT.to_json()))


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(value=damaged(WRITTEN))
def test_a_damaged_file_is_one_line_and_never_a_traceback(load, value):
    message = None
    try:
        load(json.dumps(value))
    except LungscopeError as error:
        message = str(error)
    assert message is None or ("\n" not in message and len(message) < 400)


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_such_file_is_refused(load, text):
    with pytest.raises(InvalidData, match=r"audit\.json: damaged .*Run\.audit\(force=True\)"):
        load(text)


@pytest.mark.parametrize(
    ("path", "new"),
    [
        (("images",), True),
        (("images",), 60.5),
        (("groups",), 61),
        (("groups",), -1),
        (("subset",), "all"),
        (("findings", 0, "verdict"), "fine"),
        (("findings", 0, "statement"), 1),
        (("accuracy", "value"), "0.9"),
        (("accuracy", "value"), float("nan")),
        (("accuracy", "low"), 10**400),
        (("figures", 0, "name"), "../../secret"),
        (("figures", 0, "name"), "c:/secret"),
        (("figures", 0, "name"), ""),
        (("results",), []),
        (("results", "robustness", "clean"), None),
        (("results", "misclassifications", "worst", 0, "probabilities"), {"a": 1.0}),
        (("results", "misclassifications", "by_count"), {"a": 1}),
    ],
)
def test_a_value_that_cannot_be_is_refused(load, path, new):
    with pytest.raises(InvalidData, match=r"audit\.json: damaged .*Run\.audit\(force=True\)"):
        load(json.dumps(replaced(WRITTEN, path, new)))


def test_a_huge_file_is_refused_before_it_is_parsed(load):
    with pytest.raises(InvalidData, match="over 16 MiB"):
        load(" " * (MAX_BYTES + 1))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NotFound, match="No such file"):
        AuditReport.load(tmp_path)
