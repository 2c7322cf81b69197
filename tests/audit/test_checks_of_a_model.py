import json

import numpy as np
import pytest
from PIL import Image

from lungscope.audit.audit_report import AuditReport
from lungscope.audit.check import list_checks
from lungscope.audit.context import Context
from lungscope.audit.run_audit import run_checks
from lungscope.data.cache import open_cache
from lungscope.data.index import Index
from lungscope.data.splitting import make_split
from lungscope.data.survey import survey_images

LEVELS = (40, 128, 216)
SIZE = 32
PLACES = {
    "centre": (slice(12, 20), slice(12, 20)),
    "border": (slice(0, 4), slice(12, 20)),
}
CLASSES = ("a", "b", "c")


def write(folder, place, count=180):
    """Noise with the class written at a place; the source goes half with the class."""
    generator = np.random.default_rng(0)
    rows = ["file,label,group,source"]
    for number in range(count):
        image = generator.integers(100, 156, (SIZE, SIZE), dtype=np.uint8)
        image[PLACES[place]] = LEVELS[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        larger = image.repeat(2, axis=0).repeat(2, axis=1)  # 32 x 32 is too small for a radiograph
        Image.fromarray(larger).save(folder / f"{number}.png")
        source = "north" if number % 3 == 0 or number % 2 else "south"
        rows.append(f"{number}.png,{CLASSES[number % 3]},g{number},{source}")
    (folder / "metadata.csv").write_text("\n".join(rows))


@pytest.fixture(scope="module")
def reports(tmp_path_factory, reader):
    """Audits of a model that reads one place, where the class is written."""

    def audit(place):
        folder = tmp_path_factory.mktemp(place)
        write(folder / "images", place)
        index = Index.open(folder / "images" / "metadata.csv")
        surveyed = survey_images(index, workers=1)
        made = make_split(index, surveyed, (0.4, 0.2, 0.4))
        cache = open_cache(index.root, made.entries, SIZE, folder / "cache", workers=1)
        return run_checks(Context.create(reader(place), made, cache, index, surveyed))

    return {place: audit(place) for place in PLACES}


@pytest.fixture(scope="module")
def lung(reports):
    return reports["centre"]


def verdicts(report):
    return {finding.name: finding.verdict for finding in report.findings}


def test_a_model_that_reads_the_border_fails_where_it_is_caught(reports):
    found = verdicts(reports["border"])
    assert reports["border"].accuracy.value == 1
    assert found["border-baseline"] != "pass"


def test_a_model_that_reads_the_centre_passes_there(lung):
    found = verdicts(lung)
    assert lung.accuracy.value == 1
    assert found["border-baseline"] == "pass"
    assert found["corners-masked"] == "pass"
    assert found["leaks"] == "pass"
    # the class is written so large that a thumbnail shows it, and that it moves the mean
    assert found["thumbnail-baseline"] != "pass"
    assert found["statistics-baseline"] != "pass"


def test_findings_are_in_the_order_in_which_a_person_should_read_them(lung):
    built_in = [
        *("thumbnail-baseline", "border-baseline", "statistics-baseline"),
        *("corners-masked", "lungs-hidden", "lungs-alone", "lungs-transplanted"),
        *("source-probe", "by-source", "leaks", "robustness"),
        *("heatmap-faithfulness", "heatmap-randomisation", "test-size"),
    ]
    assert [name for name in verdicts(lung) if name in built_in] == built_in


def test_classes_and_sources_are_counted_over_the_whole_split(lung):
    assert lung.results["source-probe"].images == {
        "a": {"north": 60},
        "b": {"north": 30, "south": 30},
        "c": {"north": 30, "south": 30},
    }


def test_every_finding_says_what_it_means_in_a_line(lung):
    for finding in lung.findings:
        assert finding.title.endswith("?")
        assert finding.statement.endswith((".", ".)"))
        assert finding.threshold.endswith(".")
        assert "\n" not in finding.statement + finding.threshold


def test_the_json_holds_the_findings_and_all_that_they_follow_from(lung):
    written = json.loads(json.dumps(lung.to_json(), allow_nan=False))
    assert written["subset"] == "test"
    assert [each["name"] for each in written["findings"]] == list(verdicts(lung))
    assert list(written["results"]) == [check.name for check in list_checks()]
    assert {each["name"] for each in written["results"]["shortcuts"]["baselines"]} == {
        "thumbnail",
        "border",
        "statistics",
        "majority",
    }
    assert len(written["results"]["robustness"]["responses"]) == 7


def test_a_model_without_a_heatmap_has_nothing_measured_of_it(lung):
    assert lung.results["faithfulness"] is lung.results["randomisation"] is None
    found = verdicts(lung)
    assert found["heatmap-faithfulness"] == found["heatmap-randomisation"] == "not-measured"


def test_a_report_is_read_back_as_it_was_written(lung, tmp_path):
    lung.save(tmp_path)
    assert AuditReport.load(tmp_path) == lung
