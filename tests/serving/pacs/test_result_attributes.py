from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from lungscope.serving.pacs.result_attributes import ResultUids, fingerprint

a_uid = st.from_regex(r"1\.2\.[1-9][0-9]{0,30}", fullmatch=True)


def uids(instance, series, model, content="a content", edition=0):
    return ResultUids.of(instance, series, model, content=content, edition=edition)


@given(a_uid, a_uid, st.text(max_size=80))
def test_uids_of_results_are_valid_all_different_and_always_the_same(instance, series, model):
    made = uids(instance, series, model)
    values = list(vars(made).values())
    assert made == uids(instance, series, model)
    assert len(set(values)) == len(values)
    assert all(UID(value).is_valid and value.startswith("2.25.") for value in values)


def test_another_image_or_another_model_gives_other_instances():
    one = uids("1.2.3", "1.2", "a")
    assert not {one.report, one.capture} & {*vars(uids("1.2.4", "1.2", "a")).values()}
    assert not {*vars(one).values()} & {*vars(uids("1.2.3", "1.2", "b")).values()}


def test_images_of_one_series_have_results_in_one_series():
    one, other = (
        uids("1.2.3", "1.2", "a"),
        uids("1.2.4", "1.2", "a"),
    )
    assert one.report_series == other.report_series
    assert one.report_series != one.capture_series


def test_models_that_answer_differently_have_different_fingerprints(classifier):
    description = classifier.description
    others = {
        fingerprint(replace(description, weights_sha256="0" * 64)),
        fingerprint(replace(description, temperature=1.5)),
        fingerprint(
            replace(description, abstention={**description.abstention, "max_distance": 2.0})
        ),
        fingerprint(replace(description, export=replace(description.export, precision="int8"))),
    }
    assert len({fingerprint(description), *others}) == 5


def test_another_content_or_a_dropped_answer_has_results_of_its_own():
    first = uids("1.2.3", "1.2", "a")
    for other in (
        uids("1.2.3", "1.2", "a", content="d"),
        uids("1.2.3", "1.2", "a", edition=1),
    ):
        assert not {first.report, first.capture} & {other.report, other.capture}
        assert first.report_series == other.report_series
