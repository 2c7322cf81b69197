"""Dividing a data set into subsets."""

import logging
from collections.abc import Sequence
from pathlib import Path

from lungscope.api.arguments import Data, open_index
from lungscope.data.checks.copies import describe_conflicts, label_conflicts
from lungscope.data.class_mapping import ClassMapping
from lungscope.data.duplicates import find_duplicates
from lungscope.data.index import Index
from lungscope.data.split import Split
from lungscope.data.splitting import hold_out_sources, make_split
from lungscope.data.survey import require_readable, survey_images
from lungscope.errors import InvalidSetting

log = logging.getLogger("lungscope")


def split(
    data: Data,
    *,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    hold_out: Sequence[str] = (),
    mapping: ClassMapping | None = None,
    seed: int = 0,
    skip_unreadable: bool = False,
    workers: int | None = None,
) -> Split:
    """Splits a data set into train, validation and test subsets, stratified and group-safe.

    Every file is read once. Images of one group (a patient), copies and near-duplicates are kept
    in one subset.

    Args:
        data: an index, a folder of class folders, or a CSV table; or several, whose classes are
            matched by name and whose groups are one namespace.
        fractions: proportion of each subset, each > 0, summing to 1.
        hold_out: sources (hospitals) that are the whole test subset, and in no other; the rest is
            divided as the fractions of training and validation are.
        mapping: classes of labels, e.g. {"COVID": "Viral Pneumonia"}; None leaves a label out.
        seed: of the random assignment.
        skip_unreadable: whether files that cannot be read are left out instead of refused.
        workers: processes that read files; one per processor by default.

    Raises:
        NotFound: there is no such folder or table.
        InvalidSetting: the fractions do not sum to 1, or a negative seed.
        InvalidData: files cannot be read, or a class has too few groups for three subsets.

    Examples:
        >>> import lungscope as ls
        >>> made = ls.split("xrays/", seed=0)
        >>> {subset: len(made.subset(subset)) for subset in ("train", "validation", "test")}
        {'train': 48, 'validation': 6, 'test': 6}
    """
    index = open_index(data, mapping)
    survey = survey_images(index, workers)
    readable = require_readable(index, survey, skip=skip_unreadable)
    pairs = find_duplicates(survey)
    conflicts = label_conflicts(survey, pairs)
    if conflicts:
        log.warning(
            "%s; one of the labels of each is wrong: correct it and split again",
            describe_conflicts(conflicts),
        )
    if not hold_out:
        return make_split(readable, survey, fractions, seed, pairs)
    return hold_out_sources(readable, survey, hold_out, fractions, seed, pairs)


def open_split(index: Index, given: Split | str | Path | None) -> Split:
    """Opens a split that is not one yet; makes the usual one of the index if none is given.

    Raises:
        InvalidSetting: `given` is of another kind.
        NotFound: there is no such file.
        InvalidData: it is not a split.
    """
    if given is None:
        return split(index)
    if isinstance(given, Split):
        return given
    if not isinstance(given, str | Path):
        raise InvalidSetting(
            f"split is {type(given).__name__}; give a Split, or the path of a split.json"
        )
    return Split.load(Path(given))
