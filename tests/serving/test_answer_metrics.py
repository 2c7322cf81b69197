"""Metrics of answers, which service and node share."""

from dataclasses import replace

from lungscope.inference.abstention import AbstentionCause
from lungscope.inference.classifier import Classifier
from lungscope.serving.answer_metrics import AnswerMetrics
from raster_files import RAMP8, encoded

UNSURE = AbstentionCause("low-confidence", "confidence", 0.4, 0.6)


def test_counters_begin_at_0_and_count_answers_and_abstentions(exported_model, tmp_path):
    classifier = Classifier.load(exported_model)
    metrics = AnswerMetrics()
    metrics.begin("a model", "a hash", classifier.classes)
    name = classifier.classes[0]
    lines = metrics.exposition().decode().splitlines()
    assert f'lungscope_answers_total{{class="{name}"}} 0.0' in lines
    assert 'lungscope_abstentions_total{reason="low-confidence"} 0.0' in lines
    assert any(line.startswith("lungscope_build_info{") and '"a model"' in line for line in lines)
    prediction = classifier.predict(write_image(tmp_path))
    metrics.count(replace(prediction, label=name, cause=None))
    metrics.count(replace(prediction, label=None, cause=UNSURE))
    lines = metrics.exposition().decode().splitlines()
    assert f'lungscope_answers_total{{class="{name}"}} 1.0' in lines
    assert 'lungscope_abstentions_total{reason="low-confidence"} 1.0' in lines


def write_image(folder):
    path = folder / "chest.png"
    path.write_bytes(encoded(RAMP8, format="PNG"))
    return path
