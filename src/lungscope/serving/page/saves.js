// The ways to keep answers: buttons below the answer of the selected image.

import { element } from "./element.js";

/** @typedef {{name: string, hint: string, save: (image: object) => void, needsHeatmap: boolean}} Saving */

/**
 * @param {Saving[]} ways
 * @param {object} the selected image
 * @returns {HTMLElement} with the ways that apply to the image
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

/** Enables the buttons that need a heatmap once there is one. */
export function enableSaves(panel, image) {
  for (const button of panel.querySelectorAll("[data-needs-heatmap]")) button.disabled = !image.heatmap;
}
