"""What the artefacts say about data, model and training, in texts for page and model card."""

import math

from lungscope.data.split import SUBSETS, UNKNOWN_SOURCE
from lungscope.models.temperature import COLDEST, HOTTEST
from lungscope.models.weights import BUNDLED, IMAGENET, NONE
from lungscope.report.departures import fields
from lungscope.report.facts import RunFacts
from lungscope.text import (
    format_count,
    format_decimal,
    format_duration,
    format_quantity,
    format_short,
    join_words,
)
from lungscope.training.history import best_epoch

_AT_THE_END = 1e-3
"""Share of an end of the search: so near to it, it was the end that stopped the search."""


def images(facts: RunFacts) -> str:
    """How many of which classes."""
    composition = facts.composition
    classes = join_words(
        f"{format_count(sum(subsets.values()))} {name}"
        for name, subsets in composition.images.items()
    )
    return (
        f"{format_quantity(len(facts.split.entries), 'chest radiograph')} of "
        f"{len(composition.images)} classes: {classes}."
    )


def sources(facts: RunFacts) -> str:
    """Where the images come from, by class."""
    found = facts.composition.sources
    if not found:
        return "Where the images come from is unknown."
    return " ".join(
        f"{name}: {join_words(f'{format_count(n)} {source}' for source, n in places.items())}."
        for name, places in found.items()
    )


def confounding(facts: RunFacts) -> str:
    """Whether classes go together with sources."""
    single, found = facts.composition.of_one_source, facts.composition.all_sources
    if not found:
        return "Whether class and source go together is unknown: no image's source is known."
    if len(found) == 1:
        return f"All images come from one source ({found[0]})."
    if not single:
        known = "is known to come" if UNKNOWN_SOURCE in found else "comes"
        return f"No class {known} from a single source."
    text = join_words(f"all images of {name} come from {source}" for name, source in single.items())
    return (
        f"{text[0].upper()}{text[1:]}: a model that recognises the source knows "
        "something about the class without looking at the lung."
    )


def partition(facts: RunFacts) -> str:
    """How images were assigned to subsets."""
    subsets = join_words(
        f"{format_count(facts.composition.total(subset))} {subset} "
        f"({format_quantity(facts.composition.groups[subset], 'group')})"
        for subset in SUBSETS
    )
    return f"{facts.split.description}, drawn with seed {facts.split.seed}: {subsets} images."


def disjoint(facts: RunFacts) -> str:
    """What cannot be in two subsets."""
    kept = {
        "group-column": "Groups as the data's table names them",
        "near-duplicates": "Near-duplicates (no patient is known)",
    }[facts.split.grouped_by]
    return (
        f"{kept} are in one subset whole, and so are files of equal content; a split in which they "
        "are not is refused."
    )


def preprocessing(facts: RunFacts) -> str:
    """Between a file and the network."""
    used = facts.description.preprocessing
    return (
        f"One grey channel, stretched to {used.size} x {used.size} pixels (bilinear, antialiased; "
        "the aspect ratio is not kept), rounded to 8 bits, scaled to [0, 1] and normalised with "
        f"the training images' mean {format_decimal(used.mean, 4)} and standard deviation "
        f"{format_decimal(used.std, 4)}."
    )


def network(facts: RunFacts) -> str:
    """The model's architecture and size."""
    size, outputs = facts.cost, len(facts.description.classes)
    trained = "all" if size.trained_parameters == size.parameters else "the classifier's"
    return (
        f"{facts.architecture.title}, a convolutional neural network: "
        f"{format_count(size.parameters)} parameters, of which {trained} "
        f"{format_count(size.trained_parameters)} are trained; {size.multiply_adds / 1e6:,.0f} "
        f"million "
        f"multiply-adds an image; {outputs} outputs, turned into probabilities by a softmax at "
        f"temperature {format_decimal(facts.description.temperature)}. {temperature_limit(facts)}"
    ).rstrip()


def temperature_limit(facts: RunFacts) -> str:
    """Warns if the temperature is an end of its search range; empty if it is not."""
    ends = {COLDEST: "lowest", HOTTEST: "highest"}
    for end, name in ends.items():
        if math.isclose(facts.description.temperature, end, rel_tol=_AT_THE_END):
            return (
                f"This temperature is the {name} that is tried ({format_short(end)}): the "
                f"validation "
                f"images ask for one beyond it, so do not rely on the probabilities."
            )
    return ""


def unfinished(facts: RunFacts) -> str:
    """Says that training is not finished, without the command to resume; empty if it is."""
    if facts.finished:
        return ""
    return (
        f"Training is not finished: this is the model of epoch {facts.best.epoch}, the best when "
        "it last stopped. Resuming may select another, which must be evaluated and audited again"
    )


def initialisation(facts: RunFacts) -> str:
    """Where training started from."""
    if facts.weights == NONE:
        return f"From random weights, drawn with seed {facts.recipe.seed}."
    if facts.weights == IMAGENET:
        origin = f"ImageNet weights of torchvision's {facts.architecture.original}"
    elif facts.weights == BUNDLED:
        origin = "the bundled model, which was trained on radiographs"
    else:
        origin = f"the weights in {facts.weights}"
    return f"From {origin}; layers that are new are drawn with seed {facts.recipe.seed}."


def training(facts: RunFacts) -> str:
    """Optimiser, schedule and augmentation."""
    used = facts.recipe
    return (
        f"Cross-entropy, SGD with learning rate {format_short(used.learning_rate)}, momentum "
        f"{format_short(used.momentum)} and weight decay {format_short(used.weight_decay)}; the "
        f"rate times "
        f"{format_short(used.lr_gamma)} every {format_quantity(used.lr_step, 'epoch')}; "
        f"{format_quantity(used.batch_size, 'image')} a step. "
        f"Augmentation: horizontal flip (p {format_short(used.flip_horizontal)}), vertical flip "
        f"(p {format_short(used.flip_vertical)}), rotation by up to "
        f"{format_short(used.rotation)} degrees. "
        f"At most {format_quantity(used.epochs, 'epoch')}, stopped after {used.patience} "
        f"without a better "
        "validation accuracy."
    )


def departures(facts: RunFacts) -> str:
    """Where the recipe is not the paper's."""
    changed = [
        f"{field.name} {field.value} (paper: {field.paper})"
        for field in fields(facts)
        if field.departs
    ]
    return f"Other than in the paper: {join_words(changed)}." if changed else "As in the paper."


def selection(facts: RunFacts) -> str:
    """Which epoch was kept."""
    best = facts.best
    if len(facts.history) == 1:
        return (
            f"One epoch was trained ({format_duration(facts.seconds)}) and kept, with a validation "
            f"accuracy of {format_decimal(best.validation_accuracy)}. Test images had no part "
            f"in it."
        )
    if best != best_epoch(facts.history):  # training went on since, and was not let to its end
        return (
            f"Epoch {best.epoch} was kept when training last stopped, with a validation accuracy "
            f"of {format_decimal(best.validation_accuracy)}; it went on to epoch "
            f"{len(facts.history)}. "
            "Test images had no part in it."
        )
    return (
        f"Of {format_quantity(len(facts.history), 'epoch')} ({format_duration(facts.seconds)}) the "
        f"first with the highest validation accuracy was kept: epoch {best.epoch}, with "
        f"{format_decimal(best.validation_accuracy)}. Test images had no part in it."
    )


def software(facts: RunFacts) -> str:
    """Libraries with versions."""
    return join_words(f"{name} {number}" for name, number in facts.versions.items()) + "."
