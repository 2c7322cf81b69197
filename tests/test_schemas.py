"""The published schemas of result files, held against files that a run really leaves."""

import json
from pathlib import Path

import jsonschema
import pytest

import lungscope as ls

SCHEMAS = Path(__file__).resolve().parents[1] / "docs" / "reference" / "schemas"


@pytest.fixture(scope="module")
def run(example_run, example_files, tmp_path_factory):
    if not (example_run / "audit").exists():
        cache = tmp_path_factory.mktemp("cache")
        ls.Run.open(example_run).audit(cache_folder=cache)
    return example_run


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("recipe.json", "recipe"),
        ("split.json", "split"),
        ("checkpoint/model.json", "model"),
        ("export/model.json", "model"),
        ("evaluation/metrics.json", "metrics"),
        ("audit/audit.json", "audit"),
    ],
)
def test_a_file_of_a_run_fits_its_schema_and_a_damaged_one_does_not(run, file, name):
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    value = json.loads((run / file).read_text(encoding="utf-8"))
    validator.validate(value)
    for key in schema.get("required", ())[:5]:
        assert not validator.is_valid({k: v for k, v in value.items() if k != key}), key
