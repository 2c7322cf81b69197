"""How often readers agree with a model: PPV and sensitivity of each class, and alarms."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lungscope.errors import InvalidData, InvalidSetting
from lungscope.estimate import LEVEL, Estimate
from lungscope.feedback.evidence import confidence_sequence, gather_evidence
from lungscope.feedback.judgements import Judgement
from lungscope.text import html_table

FALSE_ALARMS = 1 - LEVEL
"""The chance that any alarm is false, ever."""


@dataclass(frozen=True)
class ClassAgreement:
    """What readers say of one class.

    Attributes:
        named: answers that name it and have a verdict.
        ppv: proportion of these that were accepted.
        present: judged images that are of this class by the reader.
        abstained: how many of these the model did not answer.
        sensitivity: proportion of those that it answered of which it named the class.
    """

    named: int
    ppv: Estimate
    present: int
    abstained: int
    sensitivity: Estimate


@dataclass(frozen=True, eq=False)
class Monitor:
    """An alarm for one kind of error.

    Attributes:
        tolerated: the highest proportion of errors that is no reason for an alarm.
        verdicts: how many say whether it is an error.
        errors: how many do say so.
        evidence: after each of these verdicts.
        limit: the evidence from which on there is an alarm.
        alarm: number of verdicts at the alarm; None without one.
        judged: when the verdict was given that raised it; empty where that is unknown.
    """

    tolerated: float
    verdicts: int
    errors: int
    evidence: tuple[float, ...]
    limit: float
    alarm: int | None
    judged: str


@dataclass(frozen=True, eq=False)
class Agreement:
    """How often readers agree with the answers of one model.

    Attributes:
        model: its hash, as the table has it.
        answers: rows of the table.
        judged: rows with a verdict.
        abstained: rows without an answer.
        rejected: answers that readers rejected without a class. Of which class these images are is
            unknown: sensitivities leave them out, and may be too high.
        ppv: of all judged answers, the proportion that was accepted.
        classes: by name, in their alphabetical order.
        monitors: by what they watch: "wrong answers", and "missed " with the name of a class.

    Examples:
        >>> from lungscope.feedback import Judgement, assess_feedback
        >>> accepted = [Judgement("Normal", "accept")] * 40
        >>> corrected = [Judgement("Normal", "correct", "Lung Opacity")] * 20
        >>> found = assess_feedback(accepted + corrected)
        >>> print(found.ppv)
        0.667 (95 % 0.466 to 0.833)
        >>> found.alarms
        ('wrong answers', 'missed Lung Opacity')
    """

    model: str
    answers: int
    judged: int
    abstained: int
    rejected: int
    ppv: Estimate
    classes: Mapping[str, ClassAgreement]
    monitors: Mapping[str, Monitor]

    @property
    def alarms(self) -> tuple[str, ...]:
        """What there is an alarm for."""
        return tuple(name for name, each in self.monitors.items() if each.alarm is not None)

    def to_json(self) -> dict[str, Any]:
        """What `lungscope assess --json` prints: of the evidence the last value, null for NaN."""
        monitors = {
            name: asdict(each) | {"evidence": each.evidence[-1] if each.evidence else 1.0}
            for name, each in self.monitors.items()
        }
        found = asdict(self) | {"monitors": monitors, "alarms": self.alarms}
        defined: dict[str, Any] = _with_null(found)
        return defined

    def __repr__(self) -> str:
        alarms = ", ".join(self.alarms) or "none"
        return f"Agreement({self.judged:,} of {self.answers:,} answers judged; alarms: {alarms})"

    def _repr_html_(self) -> str:
        rows = [
            (name, f"{each.ppv:.1%}", f"{each.sensitivity:.1%}")
            for name, each in self.classes.items()
        ]
        return html_table(("class", "PPV", "sensitivity"), rows, caption=repr(self))


def assess_feedback(
    judgements: Sequence[Judgement],
    *,
    tolerated_errors: float = 0.1,
    tolerated_misses: float = 0.2,
) -> Agreement:
    """Assesses the verdicts on one model's answers.

    Intervals hold however often one looks, and so do alarms: where no kind of error is more
    frequent than tolerated, the chance of any alarm, ever, is at most 5 %. Wrong answers have half
    of that, and the k-th class that appears 1 / (k (k + 1)) of the other half, so that a class that
    appears late changes nothing of what was said before. That takes images to be independent of
    each other, and verdicts to be given on all answers or on ones chosen at random: readers who
    report only what is wrong raise an alarm of their own.

    Args:
        judgements: in the order in which they were given.
        tolerated_errors: the highest proportion of wrong answers that is no reason for an alarm,
            in (0, 1).
        tolerated_misses: the same of answered images of a class that were taken for another one.

    Raises:
        InvalidSetting: a tolerated proportion is not between 0 and 1.
        InvalidData: none has a verdict, or they are of several models.
    """
    for name, value in (("errors", tolerated_errors), ("misses", tolerated_misses)):
        if not 0 < value < 1:
            raise InvalidSetting(f"tolerated {name}: {value} is not between 0 and 1")
    judged = [each for each in judgements if each.verdict is not None]
    if not judged:
        raise InvalidData("no answer has a verdict: nothing can be said of the model")
    models = sorted({each.model for each in judgements})
    if len(models) > 1:
        raise InvalidData(f"the answers are of {len(models)} models; assess each by itself")
    names = [name for each in judged for name in (each.predicted, each.true_class)]
    appeared = dict.fromkeys(name for name in names if name is not None)
    answered = [each for each in judged if each.predicted is not None]
    monitors = {"wrong answers": _monitor(answered, tolerated_errors, FALSE_ALARMS / 2)}
    for number, name in enumerate(appeared, start=1):
        of_class = [each for each in answered if each.true_class == name]
        alpha = FALSE_ALARMS / 2 / (number * (number + 1))
        monitors[f"missed {name}"] = _monitor(of_class, tolerated_misses, alpha)
    return Agreement(
        model=models[0],
        answers=len(judgements),
        judged=len(judged),
        abstained=sum(each.predicted is None for each in judgements),
        rejected=sum(each.true_class is None and each.predicted is not None for each in judged),
        ppv=_proportion_right(answered),
        classes={name: _class_agreement(name, judged) for name in sorted(appeared)},
        monitors=monitors,
    )


def _with_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_null(each) for key, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _class_agreement(name: str, judged: Sequence[Judgement]) -> ClassAgreement:
    named = [each for each in judged if each.predicted == name]
    present = [each for each in judged if each.true_class == name]
    answered = [each for each in present if each.predicted is not None]
    return ClassAgreement(
        named=len(named),
        ppv=_proportion_right(named),
        present=len(present),
        abstained=len(present) - len(answered),
        sensitivity=_proportion_right(answered),
    )


def _proportion_right(answered: Sequence[Judgement]) -> Estimate:
    return confidence_sequence(sum(not each.is_wrong for each in answered), len(answered))


def _monitor(answered: Sequence[Judgement], tolerated: float, alpha: float) -> Monitor:
    errors = [bool(each.is_wrong) for each in answered]
    evidence = gather_evidence(errors, tolerated, alpha)
    return Monitor(
        tolerated=tolerated,
        verdicts=len(errors),
        errors=sum(errors),
        evidence=tuple(evidence.values.tolist()),
        limit=evidence.limit,
        alarm=evidence.alarm,
        judged="" if evidence.alarm is None else answered[evidence.alarm - 1].judged,
    )
