import pytest

from lungscope.audit.check import Check, list_checks, register_check


def test_the_checks_are_listed_in_the_order_in_which_they_run():
    assert [check.name for check in list_checks()] == [
        *("shortcuts", "source-probe", "by-source", "leaks", "robustness"),
        *("faithfulness", "randomisation", "test-size", "misclassifications"),
    ]


def test_a_name_is_taken_once():
    again = Check("leaks", object, lambda _: None, lambda *_: ())
    with pytest.raises(ValueError, match="'leaks' is registered twice"):
        register_check(again)
