import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import lungscope as ls

TINY = ls.Recipe(model="squeezenet1_1", weights="none", epochs=1, size=64, batch_size=16)


@pytest.fixture(scope="module")
def files(phantoms):
    return sorted(phantoms.rglob("*.png"))


@pytest.fixture(scope="module")
def labels(files):
    return [file.parent.name for file in files]


@pytest.fixture(scope="module")
def fitted(files, labels):
    return ls.RadiographEstimator(TINY).fit(files, labels)


def test_probabilities_have_a_column_per_class_and_sum_to_one(fitted, files):
    probabilities = fitted.predict_proba([str(files[0]), files[1]])
    assert probabilities.shape == (2, len(fitted.classes_))
    assert probabilities.sum(axis=1) == pytest.approx(1)


def test_the_prediction_is_the_most_probable_class(fitted, files):
    probabilities = fitted.predict_proba(files[:5])
    assert list(fitted.predict(files[:5])) == list(fitted.classes_[probabilities.argmax(axis=1)])


def test_the_score_is_the_accuracy(fitted, files, labels):
    right = fitted.predict(files[:12]) == np.array(labels[:12])
    assert fitted.score(files[:12], labels[:12]) == pytest.approx(right.mean())


def test_a_held_out_tenth_gives_an_accuracy_with_an_interval(fitted):
    assert isinstance(fitted.run_.evaluate().overall["accuracy"], ls.Estimate)


def test_groups_stay_in_one_subset(files, labels, tmp_path):
    groups = [f"patient {number // 2}" for number in range(len(files))]
    run = ls.RadiographEstimator(TINY, folder=tmp_path / "run").fit(files, labels, groups).run_
    assert run.folder == tmp_path / "run"
    subsets = {}
    for entry in run.split.entries:
        subsets.setdefault(entry.group, set()).add(entry.subset)
    assert all(len(each) == 1 for each in subsets.values())


def test_it_is_cloned_and_its_parameters_are_set():
    estimator = clone(ls.RadiographEstimator(TINY, seed=3))
    assert estimator.get_params() == {"recipe": TINY, "folder": None, "seed": 3, "device": "auto"}
    assert estimator.set_params(seed=4).seed == 4


def test_before_fit_it_refuses():
    with pytest.raises(NotFittedError, match="call fit first"):
        ls.RadiographEstimator().predict(["a.png"])


def test_labels_that_do_not_fit_the_files_are_refused(files):
    with pytest.raises(ls.InvalidData, match="60 files with 1 labels"):
        ls.RadiographEstimator(TINY).fit(files, ["Normal"])


def test_a_single_path_in_place_of_a_list_is_refused(fitted, files):
    with pytest.raises(ls.InvalidSetting, match="give a list of paths"):
        ls.RadiographEstimator().fit(str(files[0]), ["Normal"])
    with pytest.raises(ls.InvalidSetting, match="X is one path"):
        fitted.predict_proba(files[0])
