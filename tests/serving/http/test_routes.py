import base64
import io
from threading import Event

import httpx
import numpy as np
import pytest
from http_service import dicom, png, running
from PIL import Image

from dicom_files import IDENTIFIERS
from lungscope.about import DISCLAIMER, __version__
from lungscope.inference.classifier import Classifier
from lungscope.inference.rows import to_json
from lungscope.phantom.drawing import draw_phantom
from lungscope.serving.http.schema import ModelAnswer, PredictionsResponse, ProblemDetails
from lungscope.serving.http.settings import Settings


def ask(client, *files, **params):
    sent = [("file", each) for each in files]
    return client.post("/v1/predictions", files=sent, params=params)


def decoded(url: str) -> Image.Image:
    kind, _, content = url.partition(",")
    assert kind == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_the_answer_is_that_of_predict_for_the_same_file(client, image, exported_model, tmp_path):
    file = tmp_path / "x.png"
    file.write_bytes(image)
    found = ask(client, ("x.png", image)).json()
    expected = to_json(Classifier.load(exported_model).predict(file), with_ids=False)
    assert found == {
        "predictions": [expected | {"file": "x.png"}],
        "disclaimer": DISCLAIMER,
    }


def test_several_files_are_answered_in_their_order(client):
    found = ask(client, ("a.png", png("left")), ("b.png", png("right")), ("c.png", png("left")))
    rows = found.json()["predictions"]
    assert [row["file"] for row in rows] == ["a.png", "b.png", "c.png"]
    assert [row["predicted"] for row in rows] == ["Lung Opacity", "Viral Pneumonia", "Lung Opacity"]


def test_an_unreadable_file_among_several_is_a_row_with_its_error(client, image):
    rows = ask(client, ("a.png", image), ("b.png", b"no image")).json()["predictions"]
    assert rows[0]["error"] is None
    assert rows[1] == {
        "file": "b.png",
        "error": "it is not a DICOM, PNG, JPEG, TIFF, BMP or WebP image",
        "unwanted": None,
        "predicted": None,
    }


def test_a_refused_dicom_image_among_several_is_a_row_with_a_code(client, image):
    lateral = dicom(ViewPosition="LL")
    rows = ask(client, ("a.png", image), ("b.dcm", lateral)).json()["predictions"]
    assert (rows[0]["error"], rows[0]["unwanted"]) == (None, None)
    assert rows[1]["unwanted"] == "view-position"
    assert "its view position is LL" in rows[1]["error"]


def test_a_single_unreadable_file_is_a_problem(client):
    found = ask(client, ("b.png", b"no image"))
    assert found.status_code == 400
    assert found.headers["content-type"] == "application/problem+json"
    problem = ProblemDetails.model_validate(found.json())
    assert problem.type == "urn:lungscope:problem:unreadable-image"
    assert problem.detail == "it is not a DICOM, PNG, JPEG, TIFF, BMP or WebP image"


def test_a_single_dicom_image_that_is_not_accepted_is_another_problem(client):
    problem = ask(client, ("b.dcm", dicom(ViewPosition="LL"))).json()
    assert problem["type"] == "urn:lungscope:problem:unwanted-image"
    assert "its view position is LL" in problem["detail"]


def test_an_empty_file_is_unreadable(client):
    assert ask(client, ("b.png", b"")).json()["detail"] == "the file is empty (0 bytes)"


def test_the_heatmap_comes_with_explain(client, image):
    row = ask(client, ("x.png", image), explain="true").json()["predictions"][0]
    heatmap = row["heatmap"]
    assert heatmap["class"] == row["predicted"] == "Lung Opacity"
    assert decoded(heatmap["overlay"]).mode == "RGBA"
    assert decoded(heatmap["image"]).width > decoded(heatmap["overlay"]).width
    assert heatmap["scale"] > 0
    assert heatmap["outline"] is heatmap["proportion_outside_lungs"] is None  # it is a ramp
    assert heatmap["unmeasured"] in ("lung-not-found", "lungs-uncertain")


def test_the_lungs_are_outlined_where_they_are_found(client):
    content = io.BytesIO()
    Image.fromarray(draw_phantom("Normal", 501, 224).pixels).save(content, "PNG")
    row = ask(client, ("x.png", content.getvalue()), explain="true", **{"class": "Lung Opacity"})
    heatmap = row.json()["predictions"][0]["heatmap"]
    assert decoded(heatmap["outline"]).size == decoded(heatmap["overlay"]).size
    assert 0.5 < heatmap["area_outside_lungs"] < 0.95
    assert heatmap["unmeasured"] in (None, "no-attribution")


def test_any_class_of_the_model_can_be_explained(client, image):
    found = ask(client, ("x.png", image), explain="true", **{"class": "Normal"})
    assert found.json()["predictions"][0]["heatmap"]["class"] == "Normal"


def test_a_class_that_the_model_does_not_have_is_a_problem(client, image):
    found = ask(client, ("x.png", image), explain="true", **{"class": "Cat"})
    assert found.status_code == 422
    assert "Lung Opacity, Normal, Viral Pneumonia" in found.json()["detail"]


def test_a_parameter_that_is_no_truth_value_is_a_problem(client, image):
    found = ask(client, ("x.png", image), explain="perhaps")
    assert found.status_code == 422
    assert found.json()["detail"].startswith("explain: ")


def test_a_parameter_that_there_is_not_is_a_problem(client, image):
    found = ask(client, ("x.png", image), explian="true")
    assert found.status_code == 422
    assert found.json()["detail"].startswith("explian: unknown parameter")


def test_a_preview_is_small_and_grey(client):
    deep = np.tile(np.linspace(0, 65535, 1500), (2000, 1)).astype(np.uint16)
    content = io.BytesIO()
    Image.fromarray(deep).save(content, "PNG")
    row = ask(client, ("x.png", content.getvalue()), preview="true").json()["predictions"][0]
    shown = decoded(row["preview"])
    assert (shown.mode, shown.size) == ("L", (768, 1024))
    levels = np.asarray(shown)
    assert levels[0, 0] < 2
    assert levels[0, -1] > 253


def test_a_small_image_is_not_enlarged_for_the_preview(client, image):
    row = ask(client, ("x.png", image), preview="true").json()["predictions"][0]
    np.testing.assert_array_equal(
        np.asarray(decoded(row["preview"])), np.asarray(Image.open(io.BytesIO(image)))
    )


def test_identifiers_of_a_dicom_file_are_in_no_answer_no_log_and_no_audit_log(
    client_of, tmp_path, caplog
):
    client = client_of(audit_log=tmp_path / "audit.jsonl")
    found = ask(client, ("Kowalczyk.dcm", dicom()), explain="true", preview="true")
    row = found.json()["predictions"][0]
    assert row["view_position"] == "PA"
    refused = ask(client, ("Kowalczyk.dcm", dicom(Modality="MR")))
    assert refused.status_code == 400
    kept = (tmp_path / "audit.jsonl").read_text() + caplog.text + client.get("/metrics").text
    assert "Kowalczyk" not in kept + refused.text
    for name, value in IDENTIFIERS.items():
        assert value not in kept + found.text + refused.text, name


def test_answers_and_problems_have_the_shape_that_the_description_says(client, image):
    found = ask(client, ("a.png", image), ("b.png", b""), explain="true", preview="true").json()
    dumped = PredictionsResponse.model_validate(found).model_dump(by_alias=True)
    assert {key for row in found["predictions"] for key in row} <= set(dumped["predictions"][0])
    ModelAnswer.model_validate(client.get("/v1/model").json())


def test_the_model_is_described(client):
    found = client.get("/v1/model").json()
    assert found["name"] == "tiny"
    assert found["card"] is None
    assert found["input_size"] == 32
    assert found["precision"] == "fp32"
    assert found["version"] == __version__
    assert found["disclaimer"] == DISCLAIMER
    assert found["abstention"]["max_distance"] == 1.5
    assert found["classes"] == ["Lung Opacity", "Normal", "Viral Pneumonia"]


def test_the_health_checks_answer(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/v1/model"])
def test_monitors_that_ask_by_head_or_options_are_answered(client, path):
    found = client.head(path)
    assert (found.status_code, found.content) == (200, b"")
    assert found.headers["content-type"] == client.get(path).headers["content-type"]
    found = client.options(path)
    assert (found.status_code, found.content) == (204, b"")
    assert found.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_monitors_see_that_the_model_is_not_loaded_yet(load, method):
    never = Event()

    def slow():
        never.wait(20)
        return load()

    with running(Settings(port=0, workers=1), slow, wait=False) as (host, port):
        found = httpx.request(method, f"http://{host}:{port}/readyz", trust_env=False)
        never.set()
    assert found.status_code == 503


@pytest.mark.parametrize("path", ["/nothing", "/v1/", "/v1/predictions/", "/docs", "/redoc"])
def test_an_unknown_path_is_a_problem(client, path):
    found = client.get(path, follow_redirects=False)
    assert found.status_code == 404
    assert ProblemDetails.model_validate(found.json()).status == 404


def test_an_unknown_method_is_a_problem_that_names_those_there_are(client):
    found = client.delete("/v1/predictions")
    assert found.status_code == 405
    assert found.headers["allow"] == "POST"
    assert ProblemDetails.model_validate(found.json()).status == 405
