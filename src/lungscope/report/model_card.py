"""`model_card.md`: what a model is for, and two reporting checklists as far as a run fills them."""

from lungscope.report import outcomes, statements
from lungscope.report.checklists.claim_2024 import claim_2024
from lungscope.report.checklists.tripod import tripod
from lungscope.report.facts import RunFacts
from lungscope.report.page import markdown

AUTHOR = {
    "Model details": "who made it, contact, licence of the weights",
    "Intended use": "intended users and setting",
    "Factors": "age, sex, device, projection and others that matter",
    "Training and evaluation data": "origin, licence and dates; how classes were determined",
    "Ethical considerations": "approval, consent, groups of people who may be harmed",
}
"""By section of the card, what no artefact knows."""


def model_card(facts: RunFacts) -> str:
    """The model card (Mitchell et al., 2019, arXiv 1810.03993) as Markdown.

    It is followed by CLAIM 2024 and TRIPOD+AI, item by item, and ends with what only the author
    can fill. The same run gives the same bytes.
    """
    return markdown(
        "model_card.md.j2",
        {
            "facts": facts,
            "statements": statements,
            "outcomes": outcomes,
            "author": AUTHOR,
            "checklists": (claim_2024(facts), tripod(facts)),
        },
    )
