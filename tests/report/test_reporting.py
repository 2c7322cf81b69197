import pytest

from lungscope.errors import LungscopeError
from lungscope.report.reporting import write_report


@pytest.fixture
def changing(make_run):
    return make_run(done=())


def test_page_and_card_are_redrawn_in_the_run(changing):
    first = write_report(changing)
    assert first.page == changing.folder / "report.html"
    assert first.card == changing.folder / "model_card.md"
    page = first.page.read_bytes()
    first.page.write_text("old")
    assert write_report(changing, changing.folder).page.read_bytes() == page


def test_results_that_are_not_on_it_are_told(make_run):
    run = make_run(done=("evaluation",))
    assert write_report(run).left_out == {}
    metrics = run.folder / "evaluation" / "metrics.json"
    metrics.write_text(metrics.read_text().replace('"test"', '"train"'))
    reason = "The evaluation that is there is of train images, not of held-out ones"
    assert write_report(run).left_out == {"evaluate": reason}


def test_another_folder_is_made(changing, tmp_path):
    written = write_report(changing, tmp_path / "new" / "report")
    assert written.page.parent == tmp_path / "new" / "report"
    assert sorted(path.name for path in written.page.parent.iterdir()) == [
        "model_card.md",
        "report.html",
    ]
    assert not (changing.folder / "report.html").exists()


def test_a_report_elsewhere_is_replaced_only_if_asked(changing, tmp_path):
    write_report(changing, tmp_path / "report")
    with pytest.raises(LungscopeError, match="--force"):
        write_report(changing, tmp_path / "report")
    write_report(changing, tmp_path / "report", force=True)


def test_a_folder_with_something_else_is_refused(changing, tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(LungscopeError, match=r"thesis\.tex"):
        write_report(changing, tmp_path, force=True)


def test_a_damaged_artefact_leaves_the_old_report(changing):
    written = write_report(changing)
    page, card = written.page.read_bytes(), written.card.read_bytes()
    (changing.folder / "evaluation").mkdir()
    (changing.folder / "evaluation" / "metrics.json").write_text("{}")
    with pytest.raises(LungscopeError, match=r"metrics\.json: damaged"):
        write_report(changing)
    assert (written.page.read_bytes(), written.card.read_bytes()) == (page, card)
