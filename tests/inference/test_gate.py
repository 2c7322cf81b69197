"""What the gate lets pass, what it calls the rest, and how its files are checked."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungscope import Classifier
from lungscope.errors import ModelDamaged
from lungscope.images import ANYTHING, Radiograph, read, to_square
from lungscope.inference.abstention import describe_cause
from lungscope.inference.gate import BUNDLED_GATE, VIEWS, Gate, GateFinding, GateLimits
from lungscope.phantom.drawing import CLASSES, draw_phantom

DATA = Path(__file__).parents[3] / "shared" / "data"

real_data = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="no X-rays in ../shared/data"),
]


def square(pixels) -> np.ndarray:
    """A radiograph with these pixels, in [0, 1], as the gate is given it."""
    grey = np.ascontiguousarray(pixels, np.float32)
    return to_square(Radiograph(grey, Path("drawn.png"), "PNG", "L", 8), 224)


@pytest.fixture(scope="module")
def films() -> list[np.ndarray]:
    """Frontal phantoms that the gate was not fitted on: those have seeds below 200."""
    return [draw_phantom(CLASSES[n % 3], n, 128).pixels / 255 for n in range(500, 512)]


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate.bundled()


def test_frontal_films_pass_without_a_warning(gate, films):
    for film in films:
        found = gate.look(square(film))
        assert (found.cause, found.warnings) == (None, ())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda film: np.rot90(film, -1), "turned-90"),
        (lambda film: np.rot90(film, 2), "turned-180"),
        (lambda film: np.rot90(film, 1), "turned-270"),
        (lambda film: 1 - film, "inverted"),
    ],
)
def test_a_frontal_film_turned_or_inverted_is_called_so(gate, films, change, code):
    causes = [gate.look(square(change(film))).cause for film in films]
    assert [cause.code for cause in causes if cause] == [code] * len(films)


def test_a_mirrored_film_passes_mostly_with_a_warning(gate, films):
    found = [gate.look(square(film[:, ::-1])) for film in films]
    assert all(each.cause is None for each in found)
    assert sum(each.warnings == ("mirrored",) for each in found) >= len(films) / 2


def test_noise_and_patterns_are_no_chest_radiographs(gate):
    rng = np.random.default_rng(1)
    stripes = np.tile(np.sin(np.linspace(0, 40, 128)) / 2 + 0.5, (128, 1))
    for image in (rng.random((128, 128)), np.full((128, 128), 0.4), stripes):
        cause = gate.look(square(image)).cause
        assert cause is not None
        assert cause.code == "no-chest-radiograph"


def test_probabilities_of_all_views_sum_to_one(gate, films):
    probabilities = gate.look(square(films[0])).probabilities
    assert tuple(probabilities) == VIEWS
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


def finding(**probabilities: float) -> GateFinding:
    """A finding with probabilities by the names of views, "_" for "-"; others are 0."""
    given = {name.replace("_", "-"): value for name, value in probabilities.items()}
    return GateFinding({view: given.get(view, 0.0) for view in VIEWS}, GateLimits(0.5, 0.75))


def test_mirrored_counts_as_upright():
    assert finding(frontal=0.3, mirrored=0.2, lateral=0.5).cause is None


def test_below_the_limit_the_most_probable_other_view_is_the_cause():
    cause = finding(frontal=0.4, mirrored=0.05, lateral=0.15, turned_270=0.3, other=0.1).cause
    assert cause is not None
    assert (cause.code, cause.quantity) == ("turned-270", "upright")
    assert (cause.value, cause.limit) == (pytest.approx(0.45), 0.5)


def test_the_warning_goes_by_the_probability_given_that_it_is_upright():
    assert finding(frontal=0.1, mirrored=0.5, other=0.4).warnings == ("mirrored",)  # 0.83
    assert finding(frontal=0.3, mirrored=0.6, other=0.1).warnings == ()  # 0.67
    assert finding(mirrored=0.4, other=0.6).warnings == ()  # it gets no class


def test_the_reason_says_what_to_do():
    cause = finding(turned_180=1.0).cause
    assert cause is not None
    assert describe_cause(cause) == "it is a chest X-ray upside down; turn it by 180 degrees"


@pytest.mark.parametrize("limits", [(-0.1, 0.5), (0.5, 1.1), (float("nan"), 0.5)])
def test_limits_are_probabilities(limits):
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        GateLimits(*limits)


@pytest.fixture
def folder(tmp_path) -> Path:
    return shutil.copytree(BUNDLED_GATE, tmp_path / "gate")


def test_a_changed_graph_is_refused(folder):
    graph = folder / "gate.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    with pytest.raises(ModelDamaged, match="SHA-256 differs"):
        Gate.load(folder)


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"views": ["frontal"]}, {"min_upright": 1.5}, {"min_upright": "?"}]
)
def test_a_description_that_this_version_cannot_read_is_refused(folder, change):
    path = folder / "gate.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelDamaged, match="install lungscope again"):
        Gate.load(folder)


def test_a_missing_file_is_refused(folder):
    (folder / "gate.onnx").unlink()
    with pytest.raises(ModelDamaged, match=r"gate\.onnx: No such file"):
        Gate.load(folder)


@pytest.fixture
def upside_down(tmp_path, films) -> Path:
    path = tmp_path / "upside-down.png"
    Image.fromarray(np.rint(films[0][::-1, ::-1] * 255).astype(np.uint8)).save(path)
    return path


def test_a_classifier_names_no_class_for_what_the_gate_refuses(upside_down):
    found = Classifier.bundled().predict(upside_down)
    assert (found.label, found.abstention) == (None, "turned-180")


def test_a_classifier_without_the_gate_goes_on_to_the_distance(upside_down):
    found = Classifier.load(BUNDLED_GATE.with_name("paper"), use_gate=False).predict(upside_down)
    assert found.abstention not in ("turned-180", "no-chest-radiograph")
    assert found.warnings == ()


def test_colour_and_shape_come_first(tmp_path):
    path = tmp_path / "photograph.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)).save(path)
    cause = Classifier.bundled().predict(path).cause
    assert cause is not None
    assert (cause.code, cause.quantity) == ("not-a-frontal-chest-radiograph", "chroma")


def test_a_model_exported_without_the_gate_is_used_without_it(exported_model, upside_down):
    assert Classifier.load(exported_model).predict(upside_down).abstention != "turned-180"


class TestRealImages:
    """The gate was fitted on these: docs/explanation/gate.md has its cross-validation."""

    pytestmark = real_data

    def rows(self, name: str) -> list[dict[str, str]]:
        with (DATA / name / "metadata.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def test_frontal_films_of_all_sources_pass(self, gate):
        rows = self.rows("multi-site")[::50]
        causes = [gate.look(to_square(read(DATA / "multi-site" / r["file"]), 224)) for r in rows]
        assert sum(each.cause is not None for each in causes) <= 0.02 * len(rows)

    def test_lateral_films_are_refused_as_such(self, gate):
        files = sorted((DATA / "refuse" / "lateral-chest").iterdir())
        causes = [gate.look(to_square(read(each), 224)).cause for each in files]
        assert sum(cause is None for cause in causes) <= 0.08 * len(files)
        assert sum(bool(c) and c.code == "lateral-chest-radiograph" for c in causes) >= 25

    @pytest.mark.parametrize("kind", ["ct", "knee", "spine", "dental-panoramic", "hand-64px"])
    def test_other_images_are_refused(self, gate, kind):
        files = sorted((DATA / "refuse" / kind).iterdir())
        causes = [gate.look(to_square(read(each, ANYTHING), 224)).cause for each in files]
        assert sum(cause is None for cause in causes) <= 1
