"""CLAIM 2024: the 44 items of the Checklist for Artificial Intelligence in Medical Imaging."""

from lungscope.about import DISCLAIMER
from lungscope.report import outcomes, statements
from lungscope.report.checklists.checklist import Checklist, Item, Section
from lungscope.report.facts import RunFacts
from lungscope.text import format_count


def fill_claim(facts: RunFacts) -> Checklist:
    """Fills the checklist (Tejani et al., 2024) as far as a run's artefacts go."""
    return Checklist(
        name="CLAIM 2024",
        title="Checklist for Artificial Intelligence in Medical Imaging, 2024 update",
        reference="Tejani et al., Radiology: Artificial Intelligence 2024;6(4):e240300",
        doi="10.1148/ryai.240300",
        sections=(
            Section("Title and abstract", _TITLE),
            Section("Introduction", _INTRODUCTION),
            Section("Methods: study design", _design(facts)),
            Section("Methods: data", _data(facts)),
            Section("Methods: reference standard", _reference(facts)),
            Section("Methods: data partitions and testing data", _partitions(facts)),
            Section("Methods: model", _model(facts)),
            Section("Methods: training", _training(facts)),
            Section("Methods: evaluation", _evaluation(facts)),
            Section("Results", _results(facts)),
            Section("Discussion", _discussion(facts)),
            Section("Other information", _other(facts)),
        ),
    )


_TITLE = (
    Item("1", "AI named in the title, with its kind", "Deep learning.", "the title"),
    Item("2", "structured abstract", author="the abstract"),
)

_INTRODUCTION = (
    Item("3", "background; intended use and role", author="background, intended use and role"),
    Item("4", "aims, objectives, hypotheses", author="aims and hypotheses"),
)


def _design(facts: RunFacts) -> tuple[Item, ...]:
    goal = f"A model that classifies chest radiographs into {len(facts.split.classes)} classes."
    return (
        Item("5", "prospective or retrospective", author="which of both"),
        Item("6", "goal of the study", goal, "creation, feasibility or trial"),
    )


def _data(facts: RunFacts) -> tuple[Item, ...]:
    origin = f"{statements.describe_images(facts)} {statements.describe_sources(facts)}"
    unknown = sum(not entry.source for entry in facts.split.entries)
    missing = (
        f"Every image has a class and a group; the source of {format_count(unknown)} is unknown."
    )
    return (
        Item("7", "sources of data", origin, "origin, dates, links and licences of the sources"),
        Item("8", "inclusion and exclusion criteria", author="the criteria"),
        Item("9", "preprocessing", statements.describe_preprocessing(facts)),
        Item("10", "selection of data subsets", "Whole radiographs; no part is cut out."),
        Item("11", "de-identification", author="how images were de-identified"),
        Item("12", "handling of missing data", missing, "what was left out beforehand"),
        Item("13", "acquisition protocol", author="devices, projection and settings"),
    )


def _reference(facts: RunFacts) -> tuple[Item, ...]:
    label = f"The class that the data set names for each image: {', '.join(facts.split.classes)}."
    return (
        Item("14", "definition of the reference standard", label, "how classes were determined"),
        Item("15", "rationale for it", author="why this standard"),
        Item("16", "source of its annotations", author="annotators and their qualification"),
        Item("17", "annotation of the test set", author="how test images were annotated"),
        Item("18", "variability between and within raters", author="measured variability"),
    )


def _partitions(facts: RunFacts) -> tuple[Item, ...]:
    fingerprint = f"Fingerprint of the split: {facts.split.fingerprint[:16]}."
    return (
        Item(
            "19",
            "assignment to partitions",
            f"{statements.describe_partition(facts)} {fingerprint}",
        ),
        Item(
            "20",
            "level at which partitions are disjoint",
            statements.describe_groups(facts),
            "" if facts.split.grouped_by == "group-column" else "whether patients are known",
        ),
        Item(
            "21",
            "intended size of the test set",
            outcomes.describe_test_images(facts),
            "how that size was arrived at",
        ),
    )


def _model(facts: RunFacts) -> tuple[Item, ...]:
    return (
        Item("22", "description of the model", statements.describe_network(facts)),
        Item("23", "software with versions", statements.describe_software(facts)),
        Item("24", "initial parameters", statements.describe_initial_weights(facts)),
    )


def _training(facts: RunFacts) -> tuple[Item, ...]:
    return (
        Item("25", "details of training", statements.describe_training(facts)),
        Item("26", "choice of the final model", statements.describe_selection(facts)),
        Item("27", "ensembling", "None: one model."),
    )


def _evaluation(facts: RunFacts) -> tuple[Item, ...]:
    metrics = (
        "Accuracy, loss, precision, recall and F1 (weighted and macro); each class against the "
        "rest: sensitivity, specificity, PPV, NPV, AUROC, AUPRC; calibration error, Brier score."
    )
    inside = f"Tested on a held-out subset of the same data. {outcomes.describe_test_images(facts)}"
    return (
        Item("28", "metrics of performance", metrics),
        Item("29", "significance and uncertainty", outcomes.describe_uncertainty(facts)),
        Item(
            "30",
            "robustness or sensitivity",
            outcomes.quote_findings(facts, "robustness", "corners-masked", "lungs-alone"),
        ),
        Item(
            "31",
            "explainability",
            outcomes.quote_findings(facts, "heatmap-faithfulness", "heatmap-randomisation"),
            "methods, if any others were used",
        ),
        Item("32", "evaluation on internal data", inside),
        Item(
            "33",
            "testing on external data",
            "None in this run.",
            "external test, or why there is none",
        ),
        Item("34", "registration of the trial", author="register and number, if a trial"),
    )


def _results(facts: RunFacts) -> tuple[Item, ...]:
    return (
        Item(
            "35",
            "included and excluded",
            f"Included: {statements.describe_images(facts)}",
            "how many were excluded and why, as a flow diagram",
        ),
        Item(
            "36",
            "characteristics in each partition",
            statements.describe_partition(facts),
            "age, sex and clinical characteristics by partition",
        ),
        Item("37", "metrics with uncertainty", outcomes.summarise_performance(facts)),
        Item(
            "38",
            "diagnostic performance and its precision",
            "Sensitivity, specificity, PPV, NPV, AUROC, AUPRC of each class with intervals: "
            "Metrics, above.",
        ),
        Item(
            "39",
            "analysis of failures",
            outcomes.describe_misclassifications(facts),
            "what a radiologist sees there",
        ),
    )


def _discussion(facts: RunFacts) -> tuple[Item, ...]:
    limits = " ".join(
        [
            statements.describe_confounding(facts),
            *(each.statement for each in outcomes.list_concerns(facts)),
        ]
    )
    return (
        Item("40", "limitations", limits, "further limitations"),
        Item("41", "implications for practice", DISCLAIMER, "implications and intended use"),
    )


def _other(facts: RunFacts) -> tuple[Item, ...]:
    code = f"lungscope {facts.versions.get('lungscope', '')}, Apache-2.0."
    return (
        Item("42", "full protocol or technical details", "report.html.", "where the protocol is"),
        Item("43", "availability", code, "availability of the model and of the data"),
        Item("44", "funding and role of funders", author="funding"),
    )
