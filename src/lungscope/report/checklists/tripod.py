"""TRIPOD+AI: the 27 items for reports of prediction models, with their 52 parts."""

from lungscope.report import outcomes, statements
from lungscope.report.checklists.checklist import Checklist, Item, Section
from lungscope.report.facts import RunFacts


def fill_tripod(facts: RunFacts) -> Checklist:
    """Fills the checklist (Collins et al., 2024) as far as a run's artefacts go."""
    return Checklist(
        name="TRIPOD+AI",
        title="reporting of clinical prediction models that use regression or machine learning",
        reference="Collins et al., BMJ 2024;385:e078378",
        doi="10.1136/bmj-2023-078378",
        sections=(
            Section("Title and abstract", _TITLE),
            Section("Introduction", _introduction(facts)),
            Section("Methods: data, outcome, predictors", _data(facts)),
            Section("Methods: analysis", _analysis(facts)),
            Section("Methods: fairness, output, ethics", _output(facts)),
            Section("Open science and public involvement", _open_science(facts)),
            Section("Results", _results(facts)),
            Section("Discussion", _discussion(facts)),
        ),
    )


_TITLE = (
    Item("1", "title: model, target population, outcome", author="the title"),
    Item("2", "abstract (TRIPOD+AI for Abstracts)", author="the abstract"),
)


def _introduction(facts: RunFacts) -> tuple[Item, ...]:
    outcome = f"Diagnostic classification into {', '.join(facts.split.classes)}."
    return (
        Item("3a", "healthcare context, rationale", outcome, "context, rationale, other models"),
        Item("3b", "target population, purpose, users", author="population, purpose, users"),
        Item("3c", "known health inequalities", author="known inequalities"),
        Item("4", "objectives", "Development, with internal evaluation.", "the study's objectives"),
    )


def _data(facts: RunFacts) -> tuple[Item, ...]:
    classes = f"One of {', '.join(facts.split.classes)}, at the time of the radiograph."
    return (
        Item(
            "5a",
            "sources of data",
            "CLAIM item 7, above.",
            "kind of data, rationale, representativeness",
        ),
        Item("5b", "dates", author="start and end of accrual"),
        Item("6a", "setting, centres", author="setting, number and place of centres"),
        Item("6b", "eligibility", author="criteria of eligibility"),
        Item("6c", "treatments", author="treatments, if relevant"),
        Item(
            "7",
            "data preparation, quality checks",
            "CLAIM item 9, above.",
            "whether it was alike across groups of people",
        ),
        Item("8a", "outcome and how it was assessed", classes, "how and when it was assessed"),
        Item("8b", "assessors of the outcome", author="qualifications of assessors"),
        Item("8c", "blinding of the outcome's assessment", author="blinding"),
        Item("9a", "choice of predictors", "The pixels of the radiograph alone."),
        Item("9b", "definition of predictors", "As 9a.", "how radiographs were taken"),
        Item("9c", "assessors of predictors", "None: no predictor is read by a person."),
        Item(
            "10",
            "sample size",
            statements.describe_partition(facts),
            "how the size was arrived at and why it suffices",
        ),
        Item(
            "11",
            "missing data",
            "Every image of the split has a class and a group.",
            "what was left out beforehand and why",
        ),
    )


def _analysis(facts: RunFacts) -> tuple[Item, ...]:
    measures = (
        "Discrimination (ROC, precision-recall), calibration (reliability diagram, Brier score), "
        "accuracy by coverage, operating points; utility was not measured."
    )
    calculated = (
        f"Weights {facts.model_hash}, temperature {facts.description.temperature:.3f}, softmax; "
        "checkpoint/ holds both."
    )
    return (
        Item(
            "12a",
            "use and partition of the data",
            f"{statements.describe_partition(facts)} {statements.describe_groups(facts)}",
        ),
        Item("12b", "handling of predictors", "As 7."),
        Item(
            "12c",
            "model, building, tuning, internal validation",
            "CLAIM items 22 to 26, above.",
            "whether hyperparameters were tuned, and on what",
        ),
        Item("12d", "heterogeneity across clusters", outcomes.quote_findings(facts, "by-source")),
        Item("12e", "measures and plots of performance", measures),
        Item("12f", "model updating", "None."),
        Item("12g", "how predictions were calculated", calculated),
    )


def _output(facts: RunFacts) -> tuple[Item, ...]:
    return (
        Item("13", "class imbalance", statements.describe_balance(facts)),
        Item("14", "fairness", author="which approach was used, or why none"),
        Item("15", "output and thresholds", outcomes.describe_thresholds(facts)),
        Item(
            "16",
            "differences of development and evaluation data",
            "Subsets of one data set; see 20b.",
        ),
        Item("17", "ethical approval, consent", author="committee, consent or waiver"),
    )


def _open_science(facts: RunFacts) -> tuple[Item, ...]:
    code = f"lungscope {facts.versions.get('lungscope', '')}, Apache-2.0."
    return (
        Item("18a", "funding", author="funding and role of funders"),
        Item("18b", "conflicts of interest", author="conflicts of interest"),
        Item("18c", "protocol", author="where it is, or that there is none"),
        Item("18d", "registration", author="register and number, or that there is none"),
        Item("18e", "data sharing", author="availability of the data"),
        Item("18f", "code sharing", code, "availability of code beyond lungscope"),
        Item("19", "patient and public involvement", author="involvement, or that there was none"),
    )


def _results(facts: RunFacts) -> tuple[Item, ...]:
    return (
        Item(
            "20a", "flow of participants", statements.describe_images(facts), "flow of participants"
        ),
        Item(
            "20b",
            "characteristics, by source",
            statements.describe_sources(facts),
            "age, sex, dates and demographic differences",
        ),
        Item(
            "20c",
            "comparison with development data",
            statements.describe_partition(facts),
            "distribution of demographics in both",
        ),
        Item("21", "numbers in each analysis", statements.describe_partition(facts)),
        Item(
            "22",
            "the full model",
            f"checkpoint/ (safetensors and model.json), SHA-256 {facts.model_hash}...",
            "where others get it, and restrictions",
        ),
        Item(
            "23a",
            "performance with intervals, subgroups",
            f"{outcomes.summarise_performance(facts)} {outcomes.describe_calibration(facts)}",
            "performance in groups of people",
        ),
        Item("23b", "heterogeneity of performance", outcomes.quote_findings(facts, "by-source")),
        Item("24", "results of updating", "The model was not updated."),
    )


def _discussion(facts: RunFacts) -> tuple[Item, ...]:
    quality = (
        "lungscope refuses files that it cannot read; it does not judge whether a radiograph is "
        "good enough."
    )
    return (
        Item(
            "25", "interpretation", outcomes.describe_baselines(facts), "interpretation, fairness"
        ),
        Item("26", "limitations", "CLAIM item 40, above.", "further limitations"),
        Item("27a", "poor or missing input", quality, "how it is to be handled in use"),
        Item("27b", "interaction and expertise of users", author="who uses it, and how"),
        Item("27c", "next steps", author="next steps"),
    )
