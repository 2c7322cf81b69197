import pytest
from made_up import performance

from lungscope.audit.drops import explain_doubt, may_drop
from lungscope.estimate import Estimate


@pytest.mark.parametrize(
    ("change", "may"),
    [
        (Estimate(-0.02, -0.04, 0.0), False),
        (Estimate(-0.02, -0.06, 0.0), True),
        (Estimate(0.01, -0.36, 0.49), True),
    ],
)
def test_a_drop_is_excluded_where_the_interval_does_not_reach_it(change, may):
    assert may_drop(change, performance()) is may


@pytest.mark.parametrize(("groups", "may"), [(15, True), (59, True), (60, False)])
def test_no_drop_in_few_groups_excludes_none(groups, may):
    change = Estimate(0.0, 0.0, 0.0)
    assert may_drop(change, performance(images=3 * groups, groups=groups)) is may


def test_the_doubt_names_how_few_images_there_are():
    assert explain_doubt(performance()) == (
        "A drop of more than 5 points cannot be excluded: too few images (300 images in 100 "
        "groups)."
    )
