"""A service that answers as `lungscope serve` does, at once and without a model."""

import base64
import io
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

from lungscope import serving
from lungscope.about import DISCLAIMER
from lungscope.inference.explain.colour_bar import apply_colours
from lungscope.inference.explain.drawing import draw_outline
from lungscope.inference.lung_field import LungField

FOLDER = Path(serving.__file__).parent / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
PHOTO = "it is in colour: a photograph or a screenshot? An X-ray belongs in a grey image"
MEDIA = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
UNSURE = "low confidence (0.33, at least 0.60)"
SHA256 = "33bc40127d0e6a1b5c1fd9a6b2a1b0a1e6c4f0b7a9d8c7e6f5a4b3c2d1e0f9a8"
CARD = """# Model card: MobileNet-Lung 33bc4012

**Research software, not for diagnosis.** Figures: report.html. <script>alert(1)</script>

## Intended use

- Research on, and *teaching* of, the classification of
  chest radiographs, in \\[0, 1\\]; `lungscope audit`.
- The paper: <https://arxiv.org/abs/2408.13180>; [not a link](javascript:alert(1)).

| item | this run |
|---|---|
| 1 | **a stub** |
"""


@dataclass(frozen=True)
class Refusal:
    """One answer with problem details."""

    status: int
    detail: str
    retry_after: str | None = None
    kind: str = "about:blank"


@dataclass
class Stub:
    """What the service does, and what it was asked.

    Files whose name holds "photo" or "unsure" get no answer, "broken" are unreadable, "lateral" are
    not accepted, "mirrored" have a warning, "edge" have their attribution beside the lungs.
    `refusals` come first, one a request.
    """

    url: str = ""
    bearer: str | None = None
    refusals: list[Refusal] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    classes: tuple[str, ...] = ("Lung Opacity", "Normal", "Viral Pneumonia")
    heatmaps: bool = True
    card: str = CARD
    go_on: threading.Event = field(default_factory=threading.Event)
    busy_loading: int = 0

    def __post_init__(self) -> None:
        self.go_on.set()

    def row(self, name: str, wanted: dict[str, str]) -> dict[str, object]:
        if "broken" in name:
            return {"file": name, "error": "damaged PNG: its end is missing; send it again"}
        if "lateral" in name:
            return {"file": name, "error": "its view position is LL", "unwanted": "view-position"}
        best = sum(name.encode()) % len(self.classes)
        probabilities = dict.fromkeys(self.classes, 0.06 / (len(self.classes) - 1))
        probabilities[self.classes[best]] = 0.94
        photo, unsure = "photo" in name, "unsure" in name
        if unsure:
            probabilities = dict.fromkeys(self.classes, 1 / len(self.classes))
        abstained = photo or unsure
        dicom = name.endswith(".dcm")
        row: dict[str, object] = {
            "file": name,
            "error": None,
            "predicted": None if abstained else self.classes[best],
            "probabilities": probabilities,
            "abstained": abstained,
            "abstention": "not-a-frontal-chest-radiograph"
            if photo
            else "low-confidence"
            if unsure
            else None,
            "reason": PHOTO if photo else UNSURE if unsure else None,
            "warnings": ["mirrored"] if "mirrored" in name else [],
            "distance": 61.2 if photo else 12.84,
            "model": "mobilenet-lung 33bc4012",
            "model_sha256": SHA256,
            "format": "DICOM" if dicom else "PNG",
            "height": 1024,
            "width": 1024,
            "modality": "DX" if dicom else None,
            "body_part": "CHEST" if dicom else None,
            "view_position": "PA" if dicom else None,
            "laterality": None,
            "unwanted": None,
        }
        if wanted.get("explain") == "true":
            label = wanted.get("class", self.classes[best])
            row["heatmap"] = self.heatmap(label, name) if self.heatmaps else None
        if wanted.get("preview") == "true":
            row["preview"] = data_url(Image.linear_gradient("L").resize((600, 720)))
        return row

    def heatmap(self, label: str, name: str) -> dict[str, object]:
        edge = "edge" in name
        x, y = np.meshgrid(np.linspace(0, 1, 224), np.linspace(0, 1, 224))
        place = (0.04, 0.06) if edge else ((0.3, 0.62) if label == self.classes[0] else (0.68, 0.5))
        attribution = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 0.02).astype(np.float32)
        overlay = Image.fromarray(apply_colours(attribution))
        return {
            "class": label,
            "overlay": data_url(overlay),
            "image": data_url(overlay.convert("RGB")),
            "scale": 0.412,
            "outline": data_url(draw_outline(two_lungs(), (256, 256))),
            "proportion_outside_lungs": 0.81 if edge else 0.42,
            "area_outside_lungs": 0.68,
            "unmeasured": None,
        }

    def model(self) -> dict[str, object]:
        return {
            "name": "mobilenet-lung",
            "sha256": SHA256,
            "classes": list(self.classes),
            "input_size": 224,
            "temperature": 1.285,
            "abstention": {"score": "mahalanobis", "max_distance": 41.5, "min_confidence": 0.6},
            "precision": "fp32",
            "card": self.card,
            "version": "0.1.0",
            "disclaimer": DISCLAIMER,
        }


def two_lungs() -> LungField:
    """Two rectangles."""
    probabilities = np.zeros((3, 64, 64), dtype=np.float32)
    probabilities[0, 12:52, 8:28] = probabilities[1, 12:52, 36:56] = 1
    return LungField(probabilities, 256, 256, 0.9)


def data_url(image: Image.Image) -> str:
    content = io.BytesIO()
    image.save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


@contextmanager
def stub_service() -> Iterator[Stub]:
    """Yields a stub that listens at `url`."""
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def send(self, content: bytes, media: str, status: int = 200, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("X-Request-ID", uuid.uuid4().hex)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)

        def send_json(self, value: object, status: int = 200, **headers: str) -> None:
            media = "application/json" if status == 200 else "application/problem+json"
            self.send(json.dumps(value).encode(), media, status, **headers)

        def refused(self) -> bool:
            if stub.bearer is not None and self.headers["Authorization"] != f"Bearer {stub.bearer}":
                self.problem(Refusal(401, "give the service's token"))
                return True
            return False

        def problem(self, refusal: Refusal) -> None:
            headers = {"Retry_After": refusal.retry_after} if refusal.retry_after else {}
            value = {
                "type": refusal.kind,
                "title": "A problem",
                "status": refusal.status,
                "detail": refusal.detail,
                "request_id": "5f1c2f0e9b7d4c36",
            }
            self.send_json(value, refusal.status, **headers)

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/v1/model":
                if stub.busy_loading > 0:
                    stub.busy_loading -= 1
                    self.problem(Refusal(503, "the model is being loaded", "0"))
                elif not self.refused():
                    self.send_json(stub.model())
                return
            if path == "/healthz":
                self.send_json({"status": "ok"})
                return
            file = FOLDER / ("index.html" if path == "/" else path.removeprefix("/page/"))
            if file.parent == FOLDER and file.is_file():
                self.send(file.read_bytes(), MEDIA[file.suffix])
            else:
                self.send(b"", "text/plain", 404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            wanted = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            part = next(message_from_bytes(head + body, policy=HTTP).iter_parts())
            name = part.get_filename() or ""
            if self.refused():
                return
            stub.asked.append((name, wanted))
            stub.go_on.wait(20)
            if stub.refusals:
                self.problem(stub.refusals.pop(0))
                return
            row = stub.row(name, wanted)
            if row["error"] is not None:
                kind = "unwanted" if row.get("unwanted") else "unreadable"
                type_ = f"urn:lungscope:problem:{kind}-image"
                self.problem(Refusal(400, str(row["error"]), kind=type_))
                return
            self.send_json({"predictions": [row], "disclaimer": DISCLAIMER})

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Of a page that is closed before its answer: nothing that a test is about."""

    server = Server(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
