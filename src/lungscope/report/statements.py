"""What a run's files say about data, model and training, in sentences for page and model card."""

from collections.abc import Mapping

from lungscope.data.split import SUBSETS, UNKNOWN_SOURCE
from lungscope.inference.exported import BUNDLED_MODELS
from lungscope.models.temperature import find_end
from lungscope.models.weights import IMAGENET, NONE
from lungscope.report.facts import RunFacts, compare_recipe
from lungscope.text import (
    format_count,
    format_decimal,
    format_duration,
    format_quantity,
    format_short,
    join_words,
)
from lungscope.training.history import best_epoch
from lungscope.training.recipe import Optimiser, Recipe, Selection


def describe_images(facts: RunFacts) -> str:
    """Describes how many images each class has."""
    composition = facts.composition
    classes = join_words(
        f"{format_count(sum(subsets.values()))} {name}"
        for name, subsets in composition.images.items()
    )
    return (
        f"{format_quantity(len(facts.split.entries), 'chest radiograph')} of "
        f"{len(composition.images)} classes: {classes}."
    )


def describe_sources(facts: RunFacts) -> str:
    """Describes where the images of each class come from."""
    found = facts.composition.sources
    if not found:
        return "Where the images come from is unknown."
    return " ".join(
        f"{name}: {join_words(f'{format_count(n)} {source}' for source, n in places.items())}."
        for name, places in found.items()
    )


def describe_confounding(facts: RunFacts) -> str:
    """Describes whether classes and sources are confounded."""
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


def describe_partition(facts: RunFacts) -> str:
    """Describes how images were assigned to subsets."""
    subsets = join_words(
        f"{format_count(facts.composition.total(subset))} {subset} "
        f"({format_quantity(facts.composition.groups[subset], 'group')})"
        for subset in SUBSETS
    )
    return f"{facts.split.description}, drawn with seed {facts.split.seed}: {subsets} images."


def describe_groups(facts: RunFacts) -> str:
    """Describes which images are never in different subsets."""
    kept = {
        "group-column": "Groups as the data's table names them",
        "near-duplicates": "Near-duplicates (no patient is known)",
    }[facts.split.grouped_by]
    return (
        f"{kept} are in one subset whole, and so are files of equal content; a split in which they "
        "are not is refused."
    )


def describe_preprocessing(facts: RunFacts) -> str:
    """Describes what is done to an image before the network sees it."""
    used = facts.description.preprocessing
    scaled = {
        "training": f"the training images' mean {format_decimal(used.mean, 4)} and standard "
        f"deviation {format_decimal(used.std, 4)}",
        "image": "the mean and standard deviation of the image itself",
    }[used.normalisation]
    return (
        f"One grey channel, stretched to {used.size} x {used.size} pixels (bilinear, antialiased; "
        "the aspect ratio is not kept), rounded to 8 bits, scaled to [0, 1] and normalised with "
        f"{scaled}."
    )


def describe_network(facts: RunFacts) -> str:
    """Describes the model's architecture and size."""
    size, outputs = facts.cost, len(facts.description.classes)
    trained = "all" if size.trained_parameters == size.parameters else "the classifier's"
    return (
        f"{facts.architecture.title}, a convolutional neural network: "
        f"{format_count(size.parameters)} parameters, of which {trained} "
        f"{format_count(size.trained_parameters)} are trained; {size.multiply_adds / 1e6:,.0f} "
        f"million "
        f"multiply-adds an image; {outputs} outputs, turned into probabilities by a softmax at "
        f"temperature {format_decimal(facts.description.temperature)}. {warn_of_temperature(facts)}"
    ).rstrip()


def warn_of_temperature(facts: RunFacts) -> str:
    """Warns if the temperature is an end of its search range; empty if it is not."""
    end = find_end(facts.description.temperature)
    if end is None:
        return ""
    return (
        f"This temperature is the {'highest' if end > 1 else 'lowest'} that is tried "
        f"({format_short(end)}): the validation images ask for one beyond it, so do not rely on "
        "the probabilities."
    )


def warn_of_unfinished(facts: RunFacts) -> str:
    """Warns if training is not finished, without the command to resume; empty if it is."""
    if facts.finished:
        return ""
    return (
        f"Training is not finished: this is the model of epoch {facts.best.epoch}, the best when "
        "it last stopped. Resuming may select another, which must be evaluated and audited again"
    )


def describe_initial_weights(facts: RunFacts) -> str:
    """Describes where training started from."""
    if facts.weights == NONE:
        return f"From random weights, drawn with seed {facts.recipe.seed}."
    if facts.weights == IMAGENET:
        origin = f"ImageNet weights of torchvision's {facts.architecture.original}"
        if facts.other_imagenet is not None:
            origin += f", not torchvision's own file (SHA-256 {facts.other_imagenet[:8]})"
    elif facts.weights in BUNDLED_MODELS:
        origin = f"the bundled model {facts.weights}, which was trained on radiographs"
    else:
        origin = f"the weights in {facts.weights}"
    return f"From {origin}; layers that are new are drawn with seed {facts.recipe.seed}."


def describe_training(facts: RunFacts) -> str:
    """Describes optimiser, schedule and augmentation."""
    used = facts.recipe
    return (
        f"Cross-entropy, {_OPTIMISERS[used.optimiser]} with learning rate "
        f"{format_short(used.learning_rate)}, momentum {format_short(used.momentum)} and weight "
        f"decay {format_short(used.weight_decay)}; {_describe_schedule(used)}; "
        f"{format_quantity(used.batch_size, 'image')} a step. "
        f"Augmentation: horizontal flip (p {format_short(used.flip_horizontal)}), vertical flip "
        f"(p {format_short(used.flip_vertical)}), rotation by up to "
        f"{format_short(used.rotation)} degrees. "
        f"At most {format_quantity(used.epochs, 'epoch')}, stopped after {used.patience} "
        f"without a better validation {_SCORES[used.selection]}."
    )


_OPTIMISERS: Mapping[Optimiser, str] = {"sgd": "SGD", "adamw": "AdamW"}
_SCORES: Mapping[Selection, str] = {
    "accuracy": "accuracy",
    "balanced": "accuracy, averaged over the cells of class and source",
    "worst-cell": "accuracy in the worst cell of class and source",
}


def _describe_schedule(used: Recipe) -> str:
    drops = f"{format_short(used.lr_gamma)} every {format_quantity(used.lr_step, 'epoch')}"
    course = (
        f"the rate times {drops}" if used.schedule == "step" else "the rate along a cosine to 0"
    )
    warmup = format_quantity(used.warmup, "epoch")
    return f"{course}, after a rise over {warmup}" if used.warmup else course


def describe_balance(facts: RunFacts) -> str:
    """Describes what was done against classes, or sources, of unequal size."""
    used = [
        f"{field.meaning}: {field.value}"
        for field in compare_recipe(facts)
        if field.name in _AGAINST_IMBALANCE and field.departs
    ]
    return f"{'; '.join(used)}." if used else "No method against imbalance was used."


_AGAINST_IMBALANCE = ("balance_classes", "balance_sources", "group_dro", "selection")


def describe_departures(facts: RunFacts) -> str:
    """Describes where the recipe departs from the paper's."""
    changed = [
        f"{field.meaning}: {field.value} (paper: {field.paper})"
        for field in compare_recipe(facts)
        if field.departs
    ]
    return f"Other than in the paper: {'; '.join(changed)}." if changed else "As in the paper."


def describe_selection(facts: RunFacts) -> str:
    """Describes which epoch was kept, and why."""
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
        f"first with the highest validation {_SCORES[facts.recipe.selection]} was kept: epoch "
        f"{best.epoch}, with {format_decimal(best.validation_score)}. Test images had no part in "
        "it."
    )


def describe_software(facts: RunFacts) -> str:
    """Lists the libraries that trained the model, with their versions."""
    return join_words(f"{name} {number}" for name, number in facts.versions.items()) + "."
