// What stands above the probabilities: the class, or that there is none and what that means.

import { element } from "./element.js";
import { isUnsure, percent, sentence } from "./words.js";

export function verdict(row, model) {
  return row.abstained ? abstention(row, model) : named(row);
}

function named(row) {
  return element(
    "div",
    { class: "verdict" },
    element("h2", { class: "headline" }, element("bdi", {}, row.predicted)),
    element("p", { class: "sum" }, element("strong", {}, percent(row.probabilities[row.predicted])), " probability"),
  );
}

function abstention(row, model) {
  return element(
    "div",
    { class: "verdict" },
    element("h2", { class: "headline abstained" }, "No answer"),
    element("p", { class: "reason" }, sentence(row.reason)),
    element("p", { class: "hint" }, inPlainWords(row, model)),
  );
}

/** What the reason means, for somebody who does not know the model's limits. */
function inPlainWords(row, model) {
  const { min_confidence: minConfidence } = model?.abstention ?? {};
  if (isUnsure(row)) {
    const begin = typeof minConfidence === "number" ? `The model names a class from ${percent(minConfidence)} on, and none reaches that here.` : "No class is probable enough to be named.";
    return `${begin} The bars show what it weighs.`;
  }
  if (row.abstention === "out-of-distribution") {
    return "To the model this image is unlike all that it has learned from, so it names no class. The bars show what it would have weighed; where the image is no frontal chest X-ray they mean nothing.";
  }
  return "The model names no class for such an image. The bars show what it would have weighed, and mean nothing where the image is no frontal chest X-ray.";
}
