// The headline above the probabilities: the class, or the abstention and what it means.

import { element } from "./element.js";
import { isUnsure, percent, sentence, warningsOf } from "./words.js";

export function verdict(row, model) {
  return row.abstained ? abstention(row, model) : named(row);
}

function named(row) {
  return element(
    "div",
    { class: "verdict" },
    element("h2", { class: "headline" }, element("bdi", {}, row.predicted)),
    element("p", { class: "sum" }, element("strong", {}, percent(row.probabilities[row.predicted])), " probability"),
    ...warningsOf(row).map((text) => element("p", { class: "reason" }, `Warning: ${text}`)),
  );
}

function abstention(row, model) {
  return element(
    "div",
    { class: "verdict" },
    element("h2", { class: "headline abstained" }, row.abstention === "kind-unclear" ? "Abnormal, kind unclear" : "No answer"),
    element("p", { class: "reason" }, sentence(row.reason)),
    element("p", { class: "hint" }, inPlainWords(row, model)),
  );
}

/** What the reason means, for somebody who does not know the model's limits. */
function inPlainWords(row, model) {
  const { min_confidence: minConfidence } = model?.abstention ?? {};
  if (isUnsure(row)) {
    const begin = typeof minConfidence === "number" ? `The model names a class that reaches ${percent(minConfidence)}; none does here.` : "No class is probable enough to be named.";
    return `${begin} The bars show the calibrated probabilities.`;
  }
  if (row.abstention === "out-of-distribution") {
    return "This image is unlike the training images, so the model names no class. The bars show the probabilities it would have given; they mean nothing if the image is not an upright frontal chest X-ray.";
  }
  return "The model names no class for such an image. The bars show the probabilities it would have given; they mean nothing if the image is not an upright frontal chest X-ray.";
}
