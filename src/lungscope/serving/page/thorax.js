// The oval that stands for the thorax, by the numbers of `lungscope.inference.thorax`.

import { byId } from "./element.js";

/** As proportions of width and height. */
const CENTRE = [0.5, 0.52];
const HALF_AXES = [0.44, 0.47];

/** The proportion outside of attribution that is spread evenly. */
export const EVEN = 1 - Math.PI * HALF_AXES[0] * HALF_AXES[1];

/** Lays the oval over a radiograph of that many pixels. */
export function fitThorax(width, height) {
  const drawing = byId("thorax");
  drawing.setAttribute("viewBox", `0 0 ${width} ${height}`); // so that it also fits where it prints
  const places = { cx: CENTRE[0] * width, cy: CENTRE[1] * height, rx: HALF_AXES[0] * width, ry: HALF_AXES[1] * height };
  for (const oval of drawing.querySelectorAll("ellipse")) {
    for (const [name, value] of Object.entries(places)) oval.setAttribute(name, String(value));
  }
}

/** @param {object|null} heatmap that is shown; without attribution there is no proportion, and no oval */
export function showThorax(heatmap) {
  byId("thorax").toggleAttribute("hidden", typeof heatmap?.proportion_outside_thorax !== "number");
}
