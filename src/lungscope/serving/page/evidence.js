// The evidence for the selected class: its legend, and how much lies outside the thorax.

import { element } from "./element.js";
import { EVEN } from "./thorax.js";

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
  const text = `Colours from transparent (no evidence) through dark blue to yellow (${most} logits)`;
  return [
    element("div", { class: "scale", role: "img", "aria-label": text }),
    element("p", { class: "scale-ends", "aria-hidden": "true" }, element("span", {}, "none"), element("span", {}, `+${most} logits per cell`)),
  ];
}

function suspect({ proportion_outside_thorax: outside }) {
  return outside !== null && outside > EVEN;
}

/** On the attribution outside the thorax, in the words of `lungscope.inference.explanation`. */
export function remarkOf(heatmap) {
  const { proportion_outside_thorax: outside } = heatmap;
  if (outside === null) return "No region of this image supports this class.";
  const proportion = `${Math.round(100 * outside)} % of the attribution is outside the thorax (dotted: an oval that fits most, not an outline of this one)`;
  const even = `${Math.round(100 * EVEN)} %`;
  if (!suspect(heatmap)) return `${proportion}; of evenly spread attribution it would be ${even}.`;
  return `${proportion}, more than of evenly spread attribution (${even}). The score may rest on markers, on the edge of the image or on what lies beside the lungs.`;
}
