import numpy as np
import pytest
from scipy.stats import chi2_contingency

from lungscope.data.checks.columns import (
    TELLING_V,
    cramers_v,
    describe_association,
    find_telling_columns,
    measure_associations,
)

# what the paper's data is like: adults are Opacity or Normal, children Viral or Normal
LABELS = ["Opacity"] * 30 + ["Normal"] * 60 + ["Viral"] * 40
SOURCE = ["adults"] * 30 + ["adults"] * 30 + ["children"] * 30 + ["children"] * 40
PATIENTS = [f"p{n}" for n in range(len(LABELS))]


def measured(values, labels=LABELS, groups=PATIENTS, name="source", **further):
    return measure_associations({name: values, **further}, labels, groups)


def test_the_class_is_guessed_from_a_column_as_the_most_frequent_of_each_value():
    (found,) = measured(SOURCE)
    assert found.accuracy == pytest.approx((30 + 40) / 130)
    assert (found.most_frequent, found.majority) == ("Normal", pytest.approx(60 / 130))
    assert found.counts["Normal"] == {"adults": 30, "children": 30}


def test_cramers_v_is_that_of_chi_square_without_what_chance_adds():
    table = np.array([[30, 0], [30, 30], [0, 40]])
    n = table.sum()
    square = chi2_contingency(table, correction=False).statistic / n
    less = square - (3 - 1) * (2 - 1) / (n - 1)
    columns = 2 - (2 - 1) ** 2 / (n - 1)
    assert cramers_v(LABELS, SOURCE) == pytest.approx(np.sqrt(less / (columns - 1)))


def test_classes_that_come_from_one_source_are_named():
    (found,) = measured(SOURCE)
    said = describe_association(found)
    assert "every Opacity image has source adults" in said
    assert "every Viral image has source children" in said
    assert "right for 53.8 % of the images, always Normal for 46.2 %" in said
    assert "hold sources out" in said


def test_a_source_of_one_class_is_named_the_other_way_round():
    labels = ["A"] * 40 + ["B"] * 40
    source = ["x"] * 20 + ["y"] * 20 + ["x"] * 40
    (found,) = measured(source, labels, PATIENTS[:80])
    assert "every image with source y is A" in describe_association(found)


def test_a_rare_class_of_one_source_is_reported_though_the_association_is_weak():
    labels = ["A", "B"] * 200 + ["Rare"] * 8
    source = ["x", "x", "y", "y"] * 100 + ["x"] * 8
    (found,) = measured(source, labels, [f"p{n}" for n in range(408)])
    assert found.cramers_v < TELLING_V
    assert found.is_telling
    assert "every Rare image has source x" in describe_association(found)


def test_images_of_one_patient_are_no_evidence_that_a_class_has_one_source():
    labels = ["A", "B"] * 200 + ["Rare"] * 8
    source = ["x", "x", "y", "y"] * 100 + ["x"] * 8
    groups = [f"p{n}" for n in range(400)] + ["same"] * 8
    (found,) = measured(source, labels, groups)
    assert not found.is_telling


def test_a_value_that_nearly_all_images_have_is_no_news():
    labels = ["A"] * 100 + ["B"] * 100
    known = ["yes"] * 100 + ["yes"] * 90 + ["no"] * 10
    (found,) = measured(known, labels, [f"p{n}" for n in range(200)], name="patient known")
    assert not [each for each in found.confinements if each.confined == "class"]


def test_a_column_that_divides_the_images_in_the_same_way_is_said_with_the_first():
    age = ["61" if each == "adults" else "5" for each in SOURCE]
    (found,) = measured(SOURCE, age=age)
    assert found.same_as == {"age": {"adults": "61", "children": "5"}}
    said = describe_association(found)
    assert said.startswith("source and age are associated with the class: ")
    assert "every Viral image has source children and age 5" in said


def test_a_column_that_determines_the_class_may_be_a_finer_label():
    finding = ["tuberculosis"] * 10 + ["edema"] * 20 + ["none"] * 60 + ["virus"] * 40
    (found,) = measured(finding, name="finding")
    assert found.accuracy == 1
    assert "unless it is a finer label" in describe_association(found)


def test_a_source_that_determines_the_class_is_no_finer_label():
    (found,) = measured(LABELS)
    assert "finer label" not in describe_association(found)


def test_only_telling_columns_are_issues_and_a_source_has_its_own_code():
    view = ["PA", "AP"] * 65
    issues = find_telling_columns(measured(SOURCE, view=view), "class-by-column")
    assert [(each.code, each.subject) for each in issues] == [("class-by-source", "source")]
    issues = find_telling_columns(measured(SOURCE, name="age"), "class-by-column")
    assert [(each.code, each.subject) for each in issues] == [("class-by-column", "age")]


def test_a_column_of_one_value_is_not_measured():
    assert measured(["x"] * len(LABELS)) == ()
