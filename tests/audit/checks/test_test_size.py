from dataclasses import replace

import pytest
from made_up import performance

from lungscope.audit.checks.test_size import conclude_test_size, measure_test_size
from lungscope.estimate import Estimate


class Context:
    def __init__(self, found):
        self.performance = found


@pytest.mark.parametrize(("low", "verdict"), [(0.86, "pass"), (0.80, "warn")])
def test_too_few_images_are_said_to_be_too_few(low, verdict):
    of = replace(performance(), accuracy=Estimate(0.9, low, 0.95))
    size = measure_test_size(Context(of))
    assert (size.images, size.groups) == (300, 100)
    (finding,) = conclude_test_size(size, of)
    assert finding.verdict == verdict
