"""Writes the JSON schemas of result files, generated from the classes that these files hold.

python docs/schemas.py             # writes docs/reference/schemas/
python docs/schemas.py --check     # fails if one is not up to date
"""

import json
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from lungscope.audit.audit_report import AuditReport
from lungscope.audit.check import list_checks
from lungscope.data.split import VERSION as SPLIT_VERSION
from lungscope.data.split import Split
from lungscope.evaluation.assessment import Assessment
from lungscope.evaluation.external import ExternalAssessment
from lungscope.inference.description import FORMAT, VERSION, Description
from lungscope.reproduction import source_table
from lungscope.training.recipe import Recipe

FOLDER = Path(__file__).parent / "reference" / "schemas"

Schema = dict[str, Any]


def schema_of(kind: type[Any]) -> Schema:
    """Returns the schema of a dataclass, as it is written: with numbers that may be undefined."""
    schema = TypeAdapter(kind).json_schema()
    estimate = schema.get("$defs", {}).get("Estimate")
    if estimate is not None:  # NaN is written as null
        for number in estimate["properties"].values():
            number["type"] = ["number", "null"]
    return schema


def without_docstrings(schema: Any) -> Any:
    """Returns the schema without descriptions: the API's reference has them, in better form."""
    if isinstance(schema, list):
        return [without_docstrings(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: without_docstrings(value)
        for key, value in schema.items()
        if not (key == "description" and isinstance(value, str))
    }


def marked(schema: Schema, name: str, version: int) -> Schema:
    """Adds the two fields by which a file is recognised."""
    schema["properties"] = {
        "format": {"const": name},
        "version": {"const": version},
        **schema["properties"],
    }
    schema["required"] = ["format", "version", *schema["required"]]
    return schema


def split_schema() -> Schema:
    """Returns the schema of `split.json`: images with the names of their classes."""
    schema = marked(schema_of(Split), "lungscope-split", SPLIT_VERSION)
    entry = schema["$defs"]["SplitEntry"]["properties"]
    entry["label"] = {"title": "Label", "type": "string"}
    entry["columns"] = {
        "title": "Columns",
        "type": "object",
        "additionalProperties": {"type": "string"},
    }
    schema["properties"]["images"] = schema["properties"].pop("entries")
    schema["properties"]["fingerprint"] = {"title": "Fingerprint", "type": "string"}
    schema["required"] = [
        "images" if name == "entries" else name for name in schema["required"]
    ] + ["fingerprint"]
    return schema


def audit_schema() -> Schema:
    """Returns the schema of `audit.json`, with the result of each check."""
    schema = schema_of(AuditReport)
    results: Schema = {}
    for check in list_checks():
        own = schema_of(check.result)
        schema.setdefault("$defs", {}).update(own.pop("$defs", {}))
        results[check.name] = {"anyOf": [own, {"type": "null"}]}
    schema["properties"]["results"]["properties"] = results
    return schema


def sources_schema() -> Schema:
    """Returns the schema of `sources.json`: the plan with the fields that all trainings share."""
    schema = marked(schema_of(source_table.SourceTable), source_table.FORMAT, source_table.VERSION)
    text = {"type": "string"}
    del schema["properties"]["data"]
    schema["properties"] |= {"title": text, "notes": {"type": "array", "items": text}}
    schema["required"] = [
        *(name for name in schema["required"] if name != "data"),
        "title",
        "notes",
    ]
    plan, recipe = schema["$defs"]["Plan"], schema["$defs"]["Recipe"]
    plan["properties"] |= {"recipe": {"$ref": "#/$defs/Recipe"}, "first_seed": {"type": "integer"}}
    for name in ("model", "seed"):
        del recipe["properties"][name]
    return schema


def schemas() -> dict[str, Schema]:
    """Returns every schema by the name of its file."""
    found = {
        "recipe": schema_of(Recipe),
        "split": split_schema(),
        "model": marked(schema_of(Description), FORMAT, VERSION),
        "metrics": schema_of(Assessment),
        "external": schema_of(ExternalAssessment),
        "audit": audit_schema(),
        "sources": sources_schema(),
    }
    return {
        f"{name}.schema.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"{name}.json",
            **{key: value for key, value in without_docstrings(schema).items() if key != "title"},
        }
        for name, schema in found.items()
    }


def main(check: Literal["--check"] | None = None) -> int:
    """Writes the schemas, or says which are not up to date."""
    status = 0
    for name, schema in schemas().items():
        path, text = FOLDER / name, json.dumps(schema, indent=1) + "\n"
        if check is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            print(f"{path}: not up to date; run `python docs/schemas.py`", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
