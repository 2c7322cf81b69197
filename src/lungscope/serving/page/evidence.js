// The evidence for the class that is looked at: its legend, and how much lies outside the thorax.

import { element } from "./element.js";
import { EVEN } from "./thorax.js";

/**
 * @param {object} image that is answered
 * @param {() => void} again asks for the evidence once more
 */
export function evidence(image, again) {
  if (image.unexplained !== null) return missing(image.unexplained, again);
  if (image.explained === null && image.row.abstained) return [];
  if (!image.heatmaps.has(image.explained)) return [element("p", { class: "hint" }, "The heatmap is coming …")];
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
    element("p", { class: "remark warning" }, `The heatmap did not come: ${problem.detail}`),
    element("button", { type: "button", class: "small", onclick: again }, "Ask again"),
  ];
}

function legend(most) {
  const told = `Colours from clear, no evidence, over dark blue to yellow, ${most} logits`;
  return [
    element("div", { class: "scale", role: "img", "aria-label": told }),
    element("p", { class: "scale-ends", "aria-hidden": "true" }, element("span", {}, "none"), element("span", {}, `+${most} logits a cell`)),
  ];
}

function suspect({ proportion_outside_thorax: outside }) {
  return outside !== null && outside > EVEN;
}

/** On the attribution outside the thorax, in the words of `lungscope.inference.explanation`. */
export function remarkOf(heatmap) {
  const { proportion_outside_thorax: outside } = heatmap;
  if (outside === null) return "No place of this image speaks for this class.";
  const share = `${Math.round(100 * outside)} % of the attribution is outside the thorax (dotted: an oval that fits most, no outline of this one)`;
  const even = `${Math.round(100 * EVEN)} %`;
  if (!suspect(heatmap)) return `${share}; of evenly spread attribution it would be ${even}.`;
  return `${share}, more than of evenly spread attribution (${even}). The score may rest on markers, on the film's edge or on what lies beside the lungs.`;
}
