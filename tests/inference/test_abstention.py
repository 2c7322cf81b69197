import io
import json
import zipfile
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis

from lungscope.errors import LungscopeError
from lungscope.inference.abstention import (
    LARGEST_FILE,
    SCORE,
    Reference,
    Thresholds,
    describe_cause,
)

FEATURES, AXES = 12, 5


def reference(features=FEATURES, axes=AXES, seed=0):
    generator = np.random.default_rng(seed)
    orthonormal = np.linalg.qr(generator.normal(size=(features, features)))[0]
    arrays = {
        "mean": generator.normal(size=features),
        "scale": generator.uniform(0.1, 3, features),
        "axes": orthonormal[:axes],
        "deviations": np.sort(generator.uniform(0.5, 4, axes))[::-1],
        "rest": [0.3],
    }
    return Reference(**{name: np.array(value, np.float32) for name, value in arrays.items()})


def covariance(known):
    """Of the Gaussian that a reference holds, written out."""
    axes = known.axes.astype(np.float64)
    across = np.eye(known.mean.size) - axes.T @ axes
    of_standard = axes.T @ np.diag(known.deviations**2) @ axes + across * known.rest[0] ** 2
    return of_standard * np.outer(known.scale, known.scale)


def images(count, features=FEATURES, seed=1):
    return np.random.default_rng(seed).normal(0, 3, (count, features))


@pytest.mark.parametrize("axes", [0, 1, AXES, FEATURES - 1])
def test_the_distance_is_mahalanobis_by_scipy_over_the_root_of_the_number_of_features(axes):
    known, rows = reference(axes=axes), images(20)
    inverse = np.linalg.inv(covariance(known))
    expected = [mahalanobis(row, known.mean, inverse) / np.sqrt(FEATURES) for row in rows]
    np.testing.assert_allclose(known.distance(rows), expected, rtol=1e-4)


def test_of_images_drawn_from_the_gaussian_the_mean_square_is_one():
    known = reference()
    rows = np.random.default_rng(0).multivariate_normal(known.mean, covariance(known), 4000)
    assert np.mean(known.distance(rows) ** 2) == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize(("features", "axes"), [(FEATURES, AXES), (168, 167), (512, 511)])
def test_an_image_has_the_same_distance_alone_and_among_others_to_the_last_bit(features, axes):
    known, rows = reference(features, axes), images(9, features).astype(np.float32)
    together = known.distance(rows)
    assert together.dtype == np.float64
    for number in range(len(rows)):
        assert known.distance(rows[number : number + 1])[0] == together[number]
    np.testing.assert_array_equal(known.distance(rows[::2]), together[::2])


def test_of_no_image_there_is_no_distance():
    assert reference().distance(np.empty((0, FEATURES))).shape == (0,)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_what_cannot_be_measured_is_infinitely_far(value):
    row = np.zeros((1, FEATURES))
    row[0, 3] = value
    assert reference().distance(row)[0] > 1e30


@pytest.mark.parametrize("shape", [(2, FEATURES + 1), (FEATURES,), (1, FEATURES, 1)])
def test_features_of_another_model_are_refused(shape):
    with pytest.raises(LungscopeError, match="export the run again"):
        reference().distance(np.zeros(shape))


def test_what_is_saved_is_loaded_to_the_last_bit_and_saved_again_as_the_same_bytes(tmp_path):
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    reference().save(first)
    loaded = Reference.load(first)
    loaded.save(second)
    assert first.read_bytes() == second.read_bytes()
    for field in fields(Reference):
        expected = getattr(reference(), field.name)
        np.testing.assert_array_equal(getattr(loaded, field.name), expected)


def test_the_largest_that_export_writes_can_be_loaded(tmp_path):
    reference(512, 511).save(tmp_path / "a.npz")
    assert 2**20 < (tmp_path / "a.npz").stat().st_size < 1.5 * 2**20
    assert Reference.load(tmp_path / "a.npz").axes.shape == (511, 512)


def float32(*values):
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mean", float32(*[np.nan] * FEATURES)),
        ("mean", np.zeros(FEATURES)),  # float64
        ("mean", np.zeros((FEATURES, 1), np.float32)),
        ("mean", np.float32(0)[()].reshape(())),
        ("scale", np.zeros(FEATURES, np.float32)),
        ("scale", np.ones(FEATURES + 1, np.float32)),
        ("axes", np.zeros((AXES, FEATURES - 1), np.float32)),
        ("axes", np.full((AXES, FEATURES), np.inf, np.float32)),
        ("deviations", -np.ones(AXES, np.float32)),
        ("rest", float32(0)),
        ("rest", float32(1, 1)),
        ("rest", float32()),
    ],
)
def test_arrays_that_do_not_make_a_gaussian_are_refused_in_one_line(tmp_path, name, value):
    with pytest.raises(LungscopeError, match="features of X-rays") as refusal:
        replace(reference(), **{name: value})
    arrays = {field.name: getattr(reference(), field.name) for field in fields(Reference)}
    np.savez(tmp_path / "a.npz", **(arrays | {name: value}))
    with pytest.raises(LungscopeError, match=r"a\.npz: ") as of_file:
        Reference.load(tmp_path / "a.npz")
    assert "\n" not in str(refusal.value) + str(of_file.value)


def test_as_many_axes_as_features_are_refused():
    with pytest.raises(LungscopeError, match="fewer"):
        reference(axes=FEATURES)


def written(path, **arrays):
    np.savez(path, **arrays)


def packed(path, **arrays):
    np.savez_compressed(path, **arrays)


@pytest.mark.parametrize("write", [written, packed])
def test_other_arrays_and_packed_ones_are_refused(tmp_path, write):
    path = tmp_path / "a.npz"
    arrays = {field.name: getattr(reference(), field.name) for field in fields(Reference)}
    if write is written:
        arrays["more"] = float32(1)
    write(path, **arrays)
    with pytest.raises(LungscopeError, match="not the features of X-rays"):
        Reference.load(path)


def test_a_pickle_among_the_arrays_is_not_opened(tmp_path):
    arrays = {field.name: getattr(reference(), field.name) for field in fields(Reference)}
    np.savez(tmp_path / "a.npz", **(arrays | {"mean": np.array([print], dtype=object)}))
    with pytest.raises(LungscopeError, match="not the features of X-rays"):
        Reference.load(tmp_path / "a.npz")


def test_a_header_that_claims_more_than_memory_holds_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    reference().save(path)
    with zipfile.ZipFile(path) as members:
        content = {name: members.read(name) for name in members.namelist()}
    claim = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (2**60,)}
    np.lib.format.write_array_header_1_0(claim, header)
    with zipfile.ZipFile(path, "w") as members:
        for name, each in (content | {"mean.npy": claim.getvalue()}).items():
            members.writestr(name, each)
    with pytest.raises(LungscopeError, match="not the features of X-rays"):
        Reference.load(path)


@pytest.mark.parametrize(
    "content", [b"", b"no zip", b"PK\x05\x06" + bytes(18), bytes(LARGEST_FILE + 1)]
)
def test_what_is_no_npz_is_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(LungscopeError, match=r"a\.npz: not the features of X-rays"):
        Reference.load(tmp_path / "a.npz")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(LungscopeError, match=r"a\.npz: No such file"):
        Reference.load(tmp_path / "a.npz")


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 2000), st.binary(min_size=1, max_size=8), st.booleans())
def test_a_damaged_file_is_refused_or_is_still_a_gaussian(tmp_path, place, damage, cut):
    path = tmp_path / "a.npz"
    reference().save(path)
    content = bytearray(path.read_bytes())
    place %= len(content)
    content[place : place + len(damage)] = damage
    path.write_bytes(content[:place] if cut else content)
    try:
        found = Reference.load(path)
    except LungscopeError as refusal:
        assert "\n" not in str(refusal)  # noqa: PT017
    else:
        assert found.distance(images(1))[0] >= 0


STRANGE = "not a frontal chest X-ray like the training images"
THRESHOLDS = Thresholds(SCORE, max_distance=1.5, min_confidence=0.55)


def of(confidence):
    return {"Normal": confidence, "Pneumonia": 0.0}


def test_within_both_thresholds_there_is_no_objection():
    assert THRESHOLDS.check(1.5, of(0.55)) is None


@pytest.mark.parametrize(
    ("distance", "confidence", "reason"),
    [
        (12.34, 0.9, f"{STRANGE} (distance 12.34, at most 1.50)"),
        (12.34, 0.1, f"{STRANGE} (distance 12.34, at most 1.50)"),
        (1.50001, 0.9, f"{STRANGE} (distance 1.50001, at most 1.50000)"),
        (float("inf"), 0.9, f"{STRANGE} (distance inf, at most 1.50)"),
        (float("nan"), 0.9, f"{STRANGE} (distance nan, at most 1.50)"),
        (1.0, 0.48, "low confidence (0.48, at least 0.55)"),
        (1.0, 0.5499, "low confidence (0.5499, at least 0.5500)"),
    ],
)
def test_an_objection_says_what_is_and_what_must_be(distance, confidence, reason):
    assert describe_cause(THRESHOLDS.check(distance, of(confidence))) == reason


@given(
    st.floats(0, 100) | st.just(float("nan")),
    st.floats(0, 1),
    st.floats(1e-6, 100),
    st.floats(0, 1),
)
def test_every_objection_tells_the_value_from_its_limit(distance, confidence, limit, least):
    cause = Thresholds(SCORE, limit, least).check(distance, of(confidence))
    answered = distance <= limit and confidence >= least
    assert (cause is None) == answered
    if cause is not None:
        reason = describe_cause(cause)
        said = reason[reason.rindex("(") + 1 : -1].removeprefix("distance ").split(", ")
        assert said[0] != said[1].removeprefix("at most ").removeprefix("at least ")


THREE = replace(THRESHOLDS, min_confidence=0.6, normal="Normal", min_abnormality=0.8)


@pytest.mark.parametrize(
    ("opacity", "normal", "viral", "code"),
    [
        (0.6, 0.3, 0.1, None),
        (0.5, 0.1, 0.4, "kind-unclear"),
        (0.45, 0.2, 0.35, "kind-unclear"),
        (0.4, 0.21, 0.39, "low-confidence"),
        (0.3, 0.5, 0.2, "low-confidence"),
    ],
)
def test_what_is_surely_not_normal_is_called_abnormal_where_its_kind_is_unclear(
    opacity, normal, viral, code
):
    probabilities = {"Opacity": opacity, "Normal": normal, "Viral": viral}
    cause = THREE.check(1.0, probabilities)
    assert (cause and cause.code) == code
    if code == "kind-unclear":
        said = f"abnormal, kind unclear (probability {1 - normal:.2f} of not being normal)"
        assert describe_cause(cause) == said
    without = replace(THREE, min_abnormality=None).check(1.0, probabilities)
    assert (without and without.code) == (code and "low-confidence")


def test_an_image_unlike_the_training_images_is_not_called_abnormal():
    cause = THREE.check(9.0, {"Opacity": 0.5, "Normal": 0.0, "Viral": 0.5})
    assert cause.code == "out-of-distribution"


def test_thresholds_come_back_from_json():
    for each in (THRESHOLDS, THREE):
        assert Thresholds.from_json(json.loads(json.dumps(each.to_json()))) == each


@pytest.mark.parametrize(
    "change",
    [
        {"score": "energy"},
        {"max_distance": 0},
        {"max_distance": float("nan")},
        {"max_distance": float("inf")},
        {"max_distance": None},
        {"max_distance": "far"},
        {"min_confidence": -0.1},
        {"min_confidence": 1.1},
        {"min_confidence": float("nan")},
        {"min_abnormality": 0.9},
        {"min_abnormality": 1.1, "normal": "Normal"},
        {"min_abnormality": "high", "normal": "Normal"},
    ],
)
def test_thresholds_that_are_none_are_refused(change):
    with pytest.raises((TypeError, ValueError)):
        Thresholds.from_json(THRESHOLDS.to_json() | change)


@pytest.mark.parametrize("name", ["score", "max_distance", "min_confidence"])
def test_a_missing_threshold_is_refused(name):
    value = THRESHOLDS.to_json()
    del value[name]
    with pytest.raises(KeyError, match=name):
        Thresholds.from_json(value)
