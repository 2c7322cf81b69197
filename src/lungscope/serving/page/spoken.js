// What is announced about an image and about its evidence.

import { remarkOf } from "./evidence.js";
import { percent, sentence, stateOf } from "./words.js";

/** Of an image that is looked at, in whatever state it is. */
export function spoken(image) {
  const { name, problem, row, state } = image;
  if (state === "failed") return `${name}: ${problem.title}. ${sentence(problem.detail)}`;
  if (state !== "answered") return `${name}: ${sentence(stateOf(image))}`;
  if (row.abstained) return `${name}: no answer. ${sentence(row.reason)}`;
  return `${name}: ${row.predicted}, probability ${percent(row.probabilities[row.predicted])}.`;
}

/** Of the class that was chosen; null while its evidence is not there. */
export function spokenEvidence(image) {
  if (image.unexplained !== null) return `The heatmap could not be loaded: ${sentence(image.unexplained.detail)}`;
  if (!image.heatmaps.has(image.explained)) return null;
  if (image.heatmap === null) return "This model has no heatmap.";
  return `Evidence for ${image.explained}. ${remarkOf(image.heatmap)}`;
}
