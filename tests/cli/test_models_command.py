import json

from typer.testing import CliRunner

from lungscope.cli.app import app
from lungscope.models import list_architectures


def test_models_are_listed_for_people_and_programs():
    table = CliRunner().invoke(app, ["models"]).stdout
    listed = json.loads(CliRunner().invoke(app, ["models", "--json"]).stdout)
    assert [each["name"] for each in listed] == [each.name for each in list_architectures()]
    for each in listed:
        assert each["name"] in table
        assert f"{each['original_parameters']:,}" in table
