"""What an audit concludes: one finding a question, each with its threshold in words.

Thresholds are conventions. They are set so that a model of lungs passes, and so that what a reader
of an accuracy would want to be told of is never passed over. A pass says that something was
excluded: where the images are too few for that the finding warns, and says so; where the question
cannot be asked of the model or the data it is "not-measured".
"""

from lungscope.audit.audit import Measured
from lungscope.audit.finding import Finding
from lungscope.audit.findings_falls import part_hidden, robust
from lungscope.audit.findings_heatmaps import dependent, faithful
from lungscope.audit.findings_shortcuts import border_left, without_lung
from lungscope.audit.findings_sources import alike_by_source, source_told
from lungscope.audit.findings_testing import large_enough, leaked


def findings(measured: Measured) -> tuple[Finding, ...]:
    """Draws the conclusions, in the order in which a person should read them."""
    return (
        *(without_lung(measured, each) for each in measured.baselines if each.name != "majority"),
        *(
            border_left(measured, each) if each.name == "centre" else part_hidden(measured, each)
            for each in measured.masks
        ),
        source_told(measured),
        alike_by_source(measured),
        leaked(measured),
        robust(measured),
        faithful(measured),
        dependent(measured),
        large_enough(measured),
    )
