import json

from typer.testing import CliRunner

from lungscope.cli.app import app


def test_models_are_listed_for_people_and_programs():
    table = CliRunner().invoke(app, ["models"]).stdout
    listed = json.loads(CliRunner().invoke(app, ["models", "--json"]).stdout)
    assert [each["name"] for each in listed][-2:] == ["mobilenet-lung", "squeezenet1_1"]
    for each in listed:
        assert each["name"] in table
        assert f"{each['original_parameters']:,}" in table
