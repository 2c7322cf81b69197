import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.estimate import Estimate

PROPORTIONS = st.floats(0, 1)
NUMBERS = st.floats(-1e6, 1e6)


@st.composite
def estimates(draw, numbers=NUMBERS):
    low, value, high = sorted(draw(st.tuples(numbers, numbers, numbers)))
    return Estimate(value, low, high)


def numbers_in(text):
    words = text.replace("(", " ").replace(")", " ").replace("95\u00a0%", " ").split()
    return [float(word) for word in words if word not in {"to", "%", "points"}]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("", "0.921 (95\u00a0% 0.889 to 0.952)"),
        (".2f", "0.92 (95\u00a0% 0.89 to 0.95)"),
        (".1%", "92.1 % (95\u00a0% 88.9 to 95.2)"),
        ("+.1%", "+92.1 % (95\u00a0% +88.9 to +95.2)"),
        ("+.1pp", "+92.1 points (95\u00a0% +88.9 to +95.2)"),
    ],
)
def test_value_and_interval_have_the_same_form(spec, text):
    assert format(Estimate(0.92131, 0.88888, 0.95206), spec) == text


def test_an_estimate_prints_with_three_decimals():
    estimate = Estimate(0.92131, 0.88888, 0.95206)
    assert str(estimate) == f"{estimate}" == f"{estimate:.3f}"


def test_the_interval_stands_alone_with_its_level_or_without():
    estimate = Estimate(0.92131, 0.88888, 0.95206)
    assert estimate.interval(".4f") == "95\u00a0% 0.8889 to 0.9521"
    assert estimate.bounds(".4f") == "0.8889 to 0.9521"


def test_an_interval_without_width_is_called_none():
    estimate = Estimate(1.0, 1.0, 1.0)
    assert f"{estimate}" == "1.000 (no interval)"
    assert estimate.interval() == estimate.bounds() == "no interval"


@pytest.mark.parametrize("spec", ["", ".1%", "+.1pp"])
def test_what_is_not_defined_is_called_so(spec):
    assert format(Estimate(math.nan, math.nan, math.nan), spec) == "undefined"


@given(estimates(), st.integers(0, 6))
def test_numbers_are_those_of_the_estimate_to_the_digits_asked_for(estimate, digits):
    text = format(estimate, f".{digits}f").replace("no interval", "")
    wanted = [estimate.value, estimate.low, estimate.high]
    for found, each in zip(numbers_in(text), wanted, strict=not text.endswith("()")):
        assert found == pytest.approx(each, abs=0.5001 * 10**-digits)


@given(estimates(PROPORTIONS))
def test_points_are_percentages_by_another_name(estimate):
    assert f"{estimate:+.1pp}" == f"{estimate:+.1%}".replace(" % ", " points ", 1)


@given(estimates(st.floats(-1e-4, 1e-4)))
def test_what_is_rounded_to_zero_has_no_minus(estimate):
    assert "-0.0 " not in f"{estimate:.1%} {estimate:+.1pp} {estimate:.2f} "


@given(estimates())
def test_an_interval_excludes_zero_or_holds_it(estimate):
    assert estimate.excludes_zero == (estimate.low > 0 or estimate.high < 0)
