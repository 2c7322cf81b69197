// The ways to keep answers: buttons below the answer of the image that is looked at.

import { element } from "./element.js";

/** @typedef {{name: string, hint: string, save: (image: object) => void, needsHeatmap: boolean}} Saving */

/**
 * @param {Saving[]} ways
 * @param {object} image that is looked at
 * @returns {HTMLElement} with those that the image may have something for
 */
export function saveButtons(ways, image) {
  const possible = ways.filter(({ needsHeatmap }) => !needsHeatmap || image.state === "answered");
  const buttons = possible.map(({ name, hint, save, needsHeatmap }) =>
    element(
      "button",
      { type: "button", title: hint, "data-needs-heatmap": needsHeatmap, onclick: () => save(image) },
      name,
    ),
  );
  return element(
    "div",
    { class: "save", role: "group", "aria-labelledby": "saves-title" },
    element("h3", { id: "saves-title" }, "Save"),
    element("div", { class: "saves" }, ...buttons),
  );
}

/** Lets be pressed what has its heatmap. */
export function enableSaves(panel, image) {
  for (const button of panel.querySelectorAll("[data-needs-heatmap]")) button.disabled = !image.heatmap;
}
