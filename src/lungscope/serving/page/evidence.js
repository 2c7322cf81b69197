// The evidence for the selected class: its legend, and how much lies outside the lungs.

import { element } from "./element.js";

/**
 * @param {object} image that is answered
 * @param {() => void} again requests the evidence once more
 */
export function evidence(image, again) {
  if (image.unexplained !== null) return missing(image.unexplained, again);
  if (image.explained === null && image.row.abstained) return [];
  if (!image.heatmaps.has(image.explained)) return [element("p", { class: "hint" }, "Loading the heatmap …")];
  const { heatmap } = image;
  if (heatmap === null) return [element("p", { class: "hint" }, "This model has no heatmap.")];
  return [
    element("h3", {}, "Evidence for ", element("bdi", {}, image.explained)),
    ...legend(heatmap.scale.toFixed(2)),
    element("p", { class: suspect(heatmap) ? "remark warning" : "remark" }, remarkOf(heatmap)),
  ];
}

function missing(problem, again) {
  return [
    element("p", { class: "remark warning" }, `The heatmap could not be loaded: ${problem.detail}`),
    element("button", { type: "button", class: "small", onclick: again }, "Try again"),
  ];
}

function legend(most) {
  const text = `Colours from transparent (no evidence) through dark blue to yellow (${most}, log-odds)`;
  return [
    element("div", { class: "scale", role: "img", "aria-label": text }),
    element("p", { class: "scale-ends", "aria-hidden": "true" }, element("span", {}, "none"), element("span", {}, `+${most} (log-odds)`)),
  ];
}

function suspect({ proportion_outside_lungs: outside, area_outside_lungs: even }) {
  return outside !== null && outside > even;
}

const UNMEASURED = {
  "lung-not-found": "both lungs could not be found",
  "lungs-uncertain": "the outline of the lungs is uncertain",
};

/** On the attribution outside the lungs, in the words of `lungscope.inference.explain.explanation`. */
export function remarkOf(heatmap) {
  const { proportion_outside_lungs: outside, area_outside_lungs: area, unmeasured } = heatmap;
  if (unmeasured === "no-attribution") return "No region of this image supports this class.";
  if (outside === null) return `How much of the attribution is outside the lungs is not known: ${UNMEASURED[unmeasured] ?? unmeasured}.`;
  const proportion = `${Math.round(100 * outside)} % of the attribution is outside the lungs (outlined)`;
  const even = `${Math.round(100 * area)} %`;
  if (!suspect(heatmap)) return `${proportion}; of evenly spread attribution it would be ${even}.`;
  return `${proportion}, more than of evenly spread attribution (${even}). The score may rest on markers, on the edge of the image or on what lies beside the lungs.`;
}
