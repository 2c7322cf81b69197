import json

import pytest

from lungscope.audit.audit_report import AuditReport
from lungscope.audit.run_audit import audit_run
from lungscope.data.index import Index
from lungscope.errors import LungscopeError
from lungscope.progress import ignore
from lungscope.training.run import RunFolder


@pytest.fixture
def audited(run, phantoms, cache_folder):
    def audited(folder, **options):
        return audit_run(
            run, Index.open(phantoms), folder, cache_folder=cache_folder, workers=1, **options
        )

    return audited


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_an_audit_is_findings_and_figures_the_same_every_time(audited, tmp_path):
    steps = []

    def progress(step):
        steps.append(step)
        return ignore

    found = audited(tmp_path / "one", progress=progress)
    files = content(tmp_path / "one")
    assert set(files) >= {
        "audit.json",
        "figures/accuracies.png",
        "figures/faithfulness.png",
        "figures/misclassifications.png",
        "figures/randomisation.png",
        "figures/robustness.png",
        "figures/severities.png",
        "figures/sources.png",
    }
    written = json.loads(files["audit.json"])
    assert len(written["weights_sha256"]) == 64
    assert written == json.loads(json.dumps(found.to_json()))
    built_in = [
        "reading images",
        "fitting baselines",
        "masking regions",
        "applying corruptions",
        "computing deletion and insertion",
        "randomising layers",
    ]
    assert [step for step in steps if step in built_in] == built_in
    results = found.results
    assert results["faithfulness"].images == results["randomisation"].images == found.images
    assert {f"figures/{each.name}.png" for each in found.figures} == set(files) - {"audit.json"}
    assert AuditReport.load(tmp_path / "one") == found
    audited(tmp_path / "two")
    assert content(tmp_path / "two") == files


def test_captions_say_how_a_figure_is_read_and_alternatives_have_its_numbers(audited, tmp_path):
    found = audited(tmp_path / "audit")
    figures = {each.name: each for each in found.figures}
    statements = {each.name: each.statement for each in found.findings}
    assert "the solid curve falls below the dashed one on the left and rises above it" in (
        figures["faithfulness"].caption
    )
    assert "the curve falls to that of unrelated maps" in figures["randomisation"].caption
    for figure, finding in {
        "faithfulness": "heatmap-faithfulness",
        "randomisation": "heatmap-randomisation",
        "robustness": "robustness",
        "sources": "by-source",
    }.items():
        assert figures[figure].alt.endswith(statements[finding])


def test_an_audit_is_replaced_only_with_force_and_nothing_else_ever(audited, tmp_path):
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "audit.json").write_text("{}")
    with pytest.raises(LungscopeError, match="holds an audit; replace it with force=True"):
        audited(tmp_path / "audit")
    (tmp_path / "audit" / "thesis.txt").write_text("three years of work")
    with pytest.raises(LungscopeError, match=r"thesis\.txt, which is no part of an audit"):
        audited(tmp_path / "audit", force=True)


def test_a_run_without_a_checkpoint_is_refused(tmp_path, run, phantoms, cache_folder):
    bare = RunFolder.create(tmp_path / "bare", run.recipe, run.split, phantoms, force=False)
    with pytest.raises(LungscopeError, match="has trained no epoch yet"):
        audit_run(bare, Index.open(phantoms), tmp_path / "audit", cache_folder=cache_folder)
