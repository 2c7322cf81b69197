"""Requests that are made up from the OpenAPI description: none may find a fault."""

import pytest
from http_service import running
from hypothesis import HealthCheck, given, settings

from lungscope.serving.http.settings import Settings

schemathesis = pytest.importorskip("schemathesis")

OPERATIONS = [
    ("/v1/predictions", "POST"),
    ("/v1/model", "GET"),
    ("/healthz", "GET"),
    ("/readyz", "GET"),
    ("/metrics", "GET"),
]


@pytest.fixture(scope="module")
def described(load):
    with running(Settings(port=0, workers=1), load) as (host, port):
        yield schemathesis.openapi.from_url(f"http://{host}:{port}/openapi.json")


def test_every_operation_is_among_those_that_are_tried(described):
    found = [each.ok() for each in described.get_all_operations()]
    assert sorted((each.path, each.method.upper()) for each in found) == sorted(OPERATIONS)


@pytest.mark.parametrize("examples", [15, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [
        *((*each, "POSITIVE") for each in OPERATIONS),
        ("/v1/predictions", "POST", "NEGATIVE"),  # the others take nothing that could be wrong
    ],
)
def test_no_request_finds_a_fault(described, path, method, mode, examples):
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]
    operation = described[path][method]
    cases = operation.as_strategy(generation_mode=schemathesis.GenerationMode[mode])

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases)
    def ask(case):
        case.call_and_validate(checks=checks)

    ask()
