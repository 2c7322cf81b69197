"""The readers, each with its corpus and with how its files are mutated."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fuzz import mutations, pictures
from fuzz.mutations import mutate, mutate_json, mutate_text


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        name: on the command line and in what is printed.
        corpus: gives valid files.
        mutate: called with a source of randomness, a valid file and others.
        read: called with the path of a mutated file.
        file: name of that file.
    """

    name: str
    corpus: Callable
    mutate: Callable
    read: Callable
    file: str = "image"


def _image(path):
    import numpy as np

    from lungscope.images import ANYTHING, read_content, to_square

    radiograph = read_content(path.read_bytes(), path.name, ANYTHING)
    pixels = radiograph.pixels
    assert pixels.dtype == np.float32, pixels.dtype
    assert min(pixels.shape) >= 64, pixels.shape
    assert pixels.min() >= 0, pixels.min()  # what is not finite is refused by this, too
    assert pixels.max() <= 1, pixels.max()
    assert to_square(radiograph, 64).shape == (64, 64)


def _header(path):
    from lungscope.images import read_content

    read_content(path.read_bytes(), path.name)


def _index(path):
    from lungscope.data.index import Index

    index = Index.open(path)
    assert str(index)


def _folder_index(path):
    from lungscope.data.index import Index

    Index.open(path.parent)


def _two_indexes(path):
    from lungscope.data.index import Index

    other = path.parent / "other"
    other.mkdir(exist_ok=True)
    (other / "metadata.csv").write_text("file,label\n1.png,A\n2.png,B\n")
    Index.open([path, other])


def _mapped_index(path):
    from lungscope.data.class_mapping import match_classes, relabel
    from lungscope.data.index import Index

    index = Index.open(path)
    match_classes(index.classes, ["Normal", "A"], {index.classes[0]: None})
    relabel(index, {index.classes[0]: "X"})


def _list(path):
    from lungscope.cli.inputs import list_files

    # as the command opens its standard input
    text = io.TextIOWrapper(io.BytesIO(path.read_bytes()), "utf-8", "surrogateescape")
    list(list_files(["-"], text))


def _split(path):
    from lungscope.data.split import Split

    split = Split.load(path)
    assert repr(split)
    assert split._repr_html_()


def _recipe(path):
    from lungscope.training.recipe import Recipe

    assert str(Recipe.load(path))


def _settings(path):
    from typer.testing import CliRunner

    from lungscope.cli.app import app

    # an option that is refused after the file is read, so that nothing is served
    result = CliRunner().invoke(app, ["--debug", "serve", "--config", str(path), "--port", "0",
                                      "--host", "203.0.113.1", "--model", "nowhere"])  # fmt: skip
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception


def _load(module, name, path, method="load"):
    import importlib

    return getattr(getattr(importlib.import_module(f"lungscope.{module}"), name), method)(path)


def _audit(path):
    _load("audit.audit_report", "AuditReport", path.parent)


def _history(path):
    from lungscope.training.history import read_history

    read_history(path)


def _folds(path):
    from lungscope.errors import InvalidData
    from lungscope.reproduction.source_folds import load_or_make_folds

    def survey():
        raise InvalidData("other folds are made")

    load_or_make_folds(path.parent, 0, survey)


def _run(path):
    from lungscope.training.run import RunFolder

    (path.parent / "recipe.json").write_text("{}")
    run = RunFolder.open(path.parent)
    assert run.facts
    assert run.other_imagenet is None or run.other_imagenet


def _exported(path):
    from lungscope.inference.exported import ExportedModel
    from tiny_model import write_tiny_model

    folder = path.parent
    if not (folder / "model.onnx").exists():
        content = path.read_bytes()
        write_tiny_model(folder)
        path.write_bytes(content)
    ExportedModel.load(folder)


def _description(path):
    from lungscope.inference.description import Description

    found = Description.load(path)
    assert repr(found)
    assert found.identity


def _token(path):
    from lungscope.serving.http.access import read_token

    read_token(path, {})


def _credentials(path):
    from lungscope.cli.pacs import _orthanc

    _orthanc("http://127.0.0.1:8042", path, None, backfill=False)


def _texts(name):
    def corpus():
        from fuzz import texts  # it imports torch

        found = getattr(texts, name)
        return found() if callable(found) else found

    return corpus


_PARTS = {
    "png": mutations.chunks_of_png,
    "jpeg": mutations.segments_of_jpeg,
    "tiff": mutations.entries_of_tiff,
    "webp": mutations.chunks_of_riff,
    "bmp": None,
    "other": None,
}
_CORPORA = {"png": pictures.pngs, "jpeg": pictures.jpegs, "tiff": pictures.tiffs}
_CORPORA |= {"webp": pictures.webps, "bmp": pictures.bmps, "other": pictures.others}

PICTURES = tuple(
    Target(name, _CORPORA[name], partial(mutate, parts=parts), _image)
    for name, parts in _PARTS.items()
)
_dicom = partial(mutate, parts=mutations.elements_of_dicom)
DICOM = (
    *(
        Target(f"dicom-{name}", partial(pictures.dicoms, name), _dicom, _image)
        for name in pictures.TRANSFER_SYNTAXES
    ),
    Target("dicom-policy", partial(pictures.dicoms, "Values"), _dicom, _header),
)
_TABLES = {"table": _index, "tables": _two_indexes, "mapping": _mapped_index}
TABLES = (
    *(Target(name, _texts("TABLES"), mutate_text, read, "t.csv") for name, read in _TABLES.items()),
    Target("metadata", _texts("TABLES"), mutate_text, _folder_index, "metadata.csv"),
    Target("list", _texts("LISTS"), mutate_text, _list),
    Target("history", _texts("histories"), mutate_text, _history, "history.csv"),
    Target(
        "predictions",
        _texts("predictions"),
        mutate_text,
        partial(_load, "evaluation.predictions", "Predictions"),
        "predictions.csv",
    ),
    Target("recipe-yaml", _texts("RECIPES_IN_YAML"), mutate_text, _recipe, "r.yaml"),
    Target("settings", _texts("SETTINGS"), mutate_text, _settings, "s.yaml"),
    Target("token", _texts("TOKENS"), mutate_text, _token, "token"),
    Target("credentials", _texts("CREDENTIALS"), mutate_text, _credentials, "credentials"),
)
_JSON = {
    "split": ("splits", _split, "split.json"),
    "recipe": ("recipes", _recipe, "recipe.json"),
    "metrics": ("assessments", partial(_load, "evaluation.assessment", "Assessment"), "m.json"),
    "external": ("external", partial(_load, "evaluation.external", "ExternalAssessment"), "e.json"),
    "audit": ("audits", _audit, "audit.json"),
    "plan": ("plans", partial(_load, "reproduction.plan", "Plan"), "plan.json"),
    "folds": ("folds", _folds, "sources-folds.json"),
    "run": ("runs", _run, "run.json"),
    "model": ("exported", _description, "model.json"),
    "exported": ("exported", _exported, "model.json"),
}
JSON = tuple(
    Target(name, _texts(corpus), mutate_json, read, file)
    for name, (corpus, read, file) in _JSON.items()
)
ARRAYS = (
    Target(
        "reference",
        _texts("references"),
        mutate,
        partial(_load, "inference.abstention", "Reference"),
        "abstention.npz",
    ),
    Target(
        "training-images",
        _texts("training_images"),
        mutate,
        partial(_load, "inference.training_images", "TrainingImages"),
        "training.npz",
    ),
)
TARGETS = (*PICTURES, *DICOM, *TABLES, *JSON, *ARRAYS)
