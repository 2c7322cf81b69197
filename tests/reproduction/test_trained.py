import json
import re

import numpy as np
import pytest

from lungscope.errors import LungscopeError
from lungscope.reproduction.runner import read_trained
from lungscope.training.run import Run


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_networks_own_probabilities_are_read_whatever_its_temperature(
    planned, finish, temperature
):
    (job,) = planned()
    own = finish(job, temperature=temperature)
    found = read_trained(job)
    np.testing.assert_allclose(found.predictions.probabilities, own.probabilities, rtol=1e-9)
    assert found.best.epoch == 2


def test_what_is_not_trained_or_not_evaluated_has_no_result(planned, finish):
    (job,) = planned()
    assert read_trained(job) is None
    finish(job, evaluated=False)
    assert read_trained(job) is None


def test_a_damaged_table_is_as_good_as_none(planned, finish):
    (job,) = planned()
    finish(job)
    (job.folder / "evaluation" / "predictions.csv").write_text("not a table")
    assert read_trained(job) is None


def test_a_damaged_run_is_refused(planned, finish, damage):
    (job,) = planned()
    finish(job)
    harm, told = damage
    harm(Run(job.folder))
    with pytest.raises(LungscopeError, match=re.escape(told)):
        read_trained(job)


def test_an_evaluation_of_another_subset_is_refused(planned, finish):
    (job,) = planned()
    finish(job)
    table = job.folder / "evaluation" / "predictions.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(LungscopeError, match="not of the test images"):
        read_trained(job)


def test_a_checkpoint_of_another_split_is_refused(planned, finish):
    (job,) = planned()
    finish(job)
    path = job.folder / "checkpoint" / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"data_fingerprint": "other"}))
    with pytest.raises(LungscopeError, match="another split"):
        read_trained(job)
