"""The tiny model tells images apart by the side that is bright; see `tiny_model`."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungscope import Classifier
from lungscope.errors import LungscopeError, UnreadableImage
from lungscope.inference.prediction import Failure, Prediction


def radiograph(path: Path, left: int, right: int, height=80, width=96) -> Path:
    pixels = np.full((height, width), left, np.uint8)
    pixels[:, width // 2 :] = right
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def files(tmp_path) -> list[Path]:
    return [
        radiograph(tmp_path / "left.png", 215, 40),
        radiograph(tmp_path / "right.png", 40, 215),
        radiograph(tmp_path / "even.png", 127, 128),
        radiograph(tmp_path / "dark.png", 0, 9),
    ]


@pytest.fixture
def classifier(exported_model) -> Classifier:
    return Classifier.load(exported_model)


def test_it_names_the_most_probable_class(classifier, files):
    found = classifier.predict(files[0])
    assert (found.label, found.abstained, found.reason) == ("Lung Opacity", False, None)
    assert list(found.probabilities) == list(classifier.classes)
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert max(found.probabilities.values()) == found.probabilities["Lung Opacity"]
    assert classifier.predict(files[1]).label == "Viral Pneumonia"


def test_it_names_none_where_it_is_not_confident(classifier, files):
    found = classifier.predict(files[2])
    assert found.label is None
    assert found.reason is not None
    assert found.abstention == "low-confidence"
    assert found.most_probable in classifier.classes


def test_it_names_none_for_what_is_far_from_the_training_images(classifier, files):
    found = classifier.predict(files[3])
    assert found.reason is not None
    assert found.reason.startswith("not a frontal chest X-ray")
    assert found.distance == pytest.approx(2 * np.sqrt((1 + (1 - 18 / 255) ** 2) / 2), rel=1e-3)


def test_it_says_which_model_answered_and_what_the_file_is(classifier, files):
    found = classifier.predict(files[0])
    assert found.model == f"tiny {found.model_sha256[:8]}"
    assert (found.origin.format, found.origin.height, found.origin.width) == ("PNG", 80, 96)


def test_a_heatmap_is_to_be_had_for_every_class(classifier, files):
    found = classifier.predict(files[0])
    assert found.heatmap().evidence.shape == (80, 96)
    left, right = np.split(found.heatmap("Lung Opacity").evidence, 2, axis=1)
    assert left.mean() > right.mean()
    with pytest.raises(LungscopeError, match="choose one of Lung Opacity, Normal"):
        found.heatmap("Covid")


def test_many_files_have_the_answers_that_each_has_alone_and_in_their_order(classifier, files):
    many = files * 25
    for workers in (1, 3):
        for file, found in zip(many, classifier.predict_files(many, workers=workers), strict=True):
            alone = classifier.predict(file)
            assert isinstance(found, Prediction)
            assert found.file == file
            assert found.probabilities == alone.probabilities
            assert found.distance == alone.distance


def test_a_file_that_cannot_be_read_is_a_failure_and_the_others_are_done(classifier, files):
    bad = files[0].with_name("bad.png")
    bad.write_bytes(b"\x89PNG\r\n\x1a\n")
    first, failure, last = classifier.predict_files([files[0], bad, files[1]])
    assert isinstance(first, Prediction)
    assert isinstance(last, Prediction)
    assert isinstance(failure, Failure)
    assert failure.file == bad
    assert "damaged" in failure.reason
    with pytest.raises(UnreadableImage):
        classifier.predict(bad)


def test_files_are_taken_no_sooner_than_needed(classifier, files):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield files[0]

    answers = classifier.predict_files(endless(), workers=2)
    for _ in range(10):
        next(answers)
    answers.close()
    assert taken <= 10 + 2 * 4


def test_threads_may_share_a_classifier(classifier, files):
    found: list[Prediction] = []
    threads = [
        threading.Thread(target=lambda: found.append(classifier.predict(files[0])))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.distance for answer in found}) == 1
    assert len(found) == 8


def test_fewer_than_one_worker_is_a_mistake(classifier):
    with pytest.raises(LungscopeError, match="give 1 or more"):
        next(classifier.predict_files([], workers=0))


def test_answering_imports_no_torch(exported_model, files):
    program = (
        "import sys\n"
        "from lungscope import Classifier\n"
        f"print(Classifier.load({str(exported_model)!r}).predict({str(files[0])!r}).label)\n"
        "heavy = {'torch', 'scipy', 'sklearn', 'matplotlib', 'onnx'} & set(sys.modules)\n"
        "print(sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["Lung Opacity", "[]"], done.stderr
