"""What `import lungscope` offers, and what it costs."""

import subprocess
import sys

import pytest

import lungscope
from lungscope import errors


def modules_after(code: str) -> set[str]:
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ended.stdout.split())


@pytest.mark.parametrize("name", lungscope.__all__)
def test_every_public_name_is_there(name):
    assert getattr(lungscope, name) is not None


def test_the_public_names_are_listed():
    assert dir(lungscope) == sorted(lungscope.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="attribute nothing"):
        _ = lungscope.nothing


def test_importing_it_loads_no_library():
    heavy = {"numpy", "torch", "onnxruntime", "pydicom", "sklearn", "typer", "pydantic"}
    assert not heavy & modules_after("import lungscope")


def test_classifying_loads_neither_torch_nor_scikit_learn():
    loaded = modules_after("import lungscope; lungscope.Classifier")
    assert "onnxruntime" in loaded
    assert not {"torch", "sklearn", "scipy", "lightning", "pydantic"} & loaded


def test_a_missing_extra_is_named_with_the_command_that_installs_it():
    code = (
        "import sys; sys.modules['lightning'] = None; import lungscope\n"
        "try: lungscope.train\n"
        "except ModuleNotFoundError as error: print(error.name, error, sep='|')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    name, words = ended.stdout.strip().split("|")
    assert name.startswith("lightning")
    assert "pip install 'lungscope[train]'" in words


def test_every_kind_of_error_is_public_and_a_lungscope_error():
    kinds = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert kinds <= set(lungscope.__all__)
    assert all(issubclass(getattr(errors, kind), errors.LungscopeError) for kind in kinds)


def test_the_hierarchy_is_printed_at_the_top_of_its_module():
    for name in lungscope.__all__:
        if isinstance(getattr(lungscope, name), type) and name in vars(errors):
            assert name in errors.__doc__
