"""Every reader reads a mutated file or refuses it in one line.

`python -m tests.fuzz` tries as many as there is time for.
"""

import contextlib
import os
import warnings
from operator import attrgetter

import numpy as np
import pytest

from fuzz.campaign import make_input, search
from fuzz.judging import judge
from fuzz.targets import TARGETS, Target
from lungscope.errors import InvalidData

SEED = 20261128
INPUTS = 12
NAME = attrgetter("name")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", TARGETS, ids=NAME)
def test_a_mutated_file_is_read_or_refused_in_one_line(target, tmp_path):
    for number in range(len(target.corpus()) + INPUTS):
        fault = judge(target, make_input(target, SEED, number), tmp_path)
        assert fault is None, f"input {number}: {fault.kind}\n{fault.detail}"


@pytest.mark.parametrize("target", TARGETS, ids=NAME)
def test_the_files_that_are_mutated_are_valid(target, tmp_path):
    refused = (InvalidData,) if target.name == "folds" else ()  # none of them has a split
    if target.name in {"other", "bmp", "settings", "exported", "mapping"}:
        pytest.skip("holds files of kinds that are refused")
    for content in target.corpus():
        (tmp_path / target.file).write_bytes(content)
        with contextlib.suppress(*refused):
            target.read(tmp_path / target.file)


def reading(read):
    return Target("made up", lambda: [b"0123456789" * 9], lambda *_: b"x", read)


def refuse(_path):
    raise InvalidData("one line")


def find(read, tmp_path):
    found = judge(reading(read), b"x", tmp_path)
    return None if found is None else found.kind


class TestWhatIsAFault:
    def test_a_refusal_in_one_line_is_none(self, tmp_path):
        assert find(refuse, tmp_path) is None

    def test_any_other_error_is_one(self, tmp_path):
        assert find(lambda _: 1 / 0, tmp_path).startswith("ZeroDivisionError at ")

    def test_what_a_c_library_prints_is_one(self, tmp_path):
        assert find(lambda _: os.write(2, b"oh"), tmp_path) == "prints: 'oh'"

    def test_a_warning_is_one(self, tmp_path):
        assert find(lambda _: warnings.warn("oh", stacklevel=1), tmp_path).startswith(
            "UserWarning of "
        )

    def test_much_memory_is_one(self, tmp_path):
        assert find(lambda _: np.ones(2**31, np.uint8).sum(), tmp_path) == "memory"


@pytest.mark.process
class TestCampaign:
    def test_the_same_seed_gives_the_same_inputs(self):
        target = TARGETS[0]
        first, second = (
            [make_input(target, seed, number) for number in range(40)] for seed in (7, 7)
        )
        assert first == second
        assert first != [make_input(target, 8, number) for number in range(40)]

    def test_it_ends_in_time_and_finds_nothing(self):
        given, found = search([each for each in TARGETS if each.name == "png"], SEED, 3)
        assert given > 0  # however busy the machine is
        assert not found
