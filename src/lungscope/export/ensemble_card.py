"""The model card of what is averaged: which runs, and what is known of them together."""

from collections.abc import Sequence

from lungscope.about import DISCLAIMER
from lungscope.export.members import Member, share_split
from lungscope.inference.description import Description

FLIP_NOTE = (
    "> Exported with `--flip`: probabilities are the mean over the image and its mirror. The "
    "numbers below are of the network on the image alone."
)


def write_ensemble_card(description: Description, members: Sequence[Member], *, flip: bool) -> str:
    """Writes the card of an ensemble, Markdown.

    Args:
        description: of the exported model.
        members: two or more.
        flip: whether the mirror of each image is answered too.
    """
    shared = share_split(members)
    views = " over each image and its mirror" if flip else ""
    rows = [
        f"| {each.checkpoint.description.identity} | "
        f"{each.checkpoint.description.temperature:.3f} | {each.split.description} | "
        f"{each.checkpoint.description.data_fingerprint[:8]} |"
        for each in members
    ]
    return "\n".join(
        [
            f"# {description.identity}",
            "",
            f"The mean of the calibrated probabilities of {len(members)} networks{views}, for the "
            f"classes {', '.join(description.classes)}.",
            "",
            "| member | temperature | split | fingerprint of the split |",
            "|---|---|---|---|",
            *rows,
            "",
            _SHARED if shared else _DIFFERENT,
            "",
            "What was measured is in the members' runs. Nothing was measured of the ensemble: "
            "`lungscope evaluate FOLDER --on DATA` does that, on data that no member has seen.",
            "",
            DISCLAIMER,
            "",
        ]
    )


_SHARED = (
    "The members share one split. The thresholds of abstention were chosen on its validation "
    "images, by the answers of the ensemble."
)

_DIFFERENT = (
    "The members have different splits, so that an image that one was tested on another was "
    "trained on: no image of their data is left to test the ensemble on. The least confidence was "
    "chosen on validation images, each answered by those members alone whose validation image it "
    "is. The largest distance was chosen on those of the first member, which others were trained "
    "on."
)
