"""How a reproduction is repeated: the whole command, the same wherever it was made."""

import shlex

from lungscope.models import architectures
from lungscope.reproduction.plan import Plan, in_order
from lungscope.reproduction.splits import SPLIT
from lungscope.training.recipe import PAPER


def command(plan: Plan, data: str) -> str:
    """The command line that makes a plan's table, quoted for a shell.

    Args:
        plan: what was done; what is the default of `lungscope reproduce` is left out.
        data: name of the data's folder or CSV, without the folder that it lies in.

    Returns:
        E.g. "lungscope reproduce --data xrays --out OUT --seeds 3"; a split that was given is
        named as the copy of it that OUT keeps.
    """
    recipe = plan.recipe
    everything = in_order(each.name for each in architectures())
    options = {
        "--models": ",".join(plan.models) if plan.models != everything else None,
        "--weights": recipe.weights if recipe.weights != PAPER.weights else None,
        "--seeds": plan.seeds if plan.seeds > 1 else None,
        "--folds": plan.folds,
        "--budget": recipe.epochs if recipe.epochs != PAPER.epochs else None,
        "--seed": recipe.seed or None,
        "--precision": plan.precision if plan.precision != "32" else None,
        "--split": SPLIT if plan.split == "given" else None,
    }
    given = [str(word) for each in options.items() if each[1] is not None for word in each]
    return shlex.join(["lungscope", "reproduce", "--data", data, "--out", "OUT", *given])
