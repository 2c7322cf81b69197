import json

import pytest

from lungscope.report.facts import read_facts
from lungscope.report.run_report import run_report

FOUND = {
    "heatmap-faithfulness": "Hidden from the hottest place on, images keep 32.9 %.",
    "heatmap-randomisation": "The likeness is 0.15 with every layer random.",
}


@pytest.fixture
def audited(make_run):
    """Makes a run of whose heatmaps something was found."""
    run = make_run()
    path = run.folder / "audit" / "audit.json"
    audit = json.loads(path.read_text())
    audit["findings"] += [
        {"name": name, "title": "Is it?", "verdict": "pass", "statement": told, "threshold": "No."}
        for name, told in FOUND.items()
    ]
    path.write_text(json.dumps(audit))
    return run


def test_what_was_found_of_heatmaps_is_shown_and_told_in_words(audited, page_of):
    page = page_of(run_report(read_facts(audited)))
    alternatives = " ".join(picture["alt"] for picture in page.of("img"))
    for told in FOUND.values():
        assert told in page.text
        assert told in alternatives


def test_it_is_said_how_the_curves_are_read(audited, page_of):
    page = page_of(run_report(read_facts(audited))).text
    assert "the solid curve falls below the dashed one on the left and rises above it" in page
    assert "the curve falls to that of unrelated maps" in page


def test_a_model_without_a_heatmap_has_no_picture_of_it(audited, page_of):
    for name in ("faithfulness", "randomisation"):
        (audited.folder / "audit" / "figures" / f"{name}.png").unlink()
    page = page_of(run_report(read_facts(audited)))
    assert len(page.of("img")) == 11
