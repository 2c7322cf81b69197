// Single keys for what hands do often. They can be switched off, for speech input (WCAG 2.1.4).

import { byId, element } from "./element.js";
import { remember, remembered } from "./memory.js";

const KEY = "lungscope.single-keys";

/**
 * @typedef {{keys: string[], shown: string, does: string, act: (key: string) => void}} Shortcut
 * @param {Shortcut[]} shortcuts that act everywhere but in fields and dialogs
 * @param {{shown: string, does: string}[]} others that are only listed
 */
export function listenToKeys(shortcuts, others) {
  const list = [...shortcuts, ...others].flatMap(({ shown, does }) => [
    element("dt", {}, ...shown.split(" ").map((key) => element("kbd", {}, key))),
    element("dd", {}, does),
  ]);
  byId("keys").replaceChildren(...list);
  const wanted = byId("single-keys");
  wanted.checked = remembered(KEY) !== "off";
  wanted.addEventListener("change", () => remember(KEY, wanted.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (!wanted.checked || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("dialog, input:not([type=radio], [type=range])")) return;
    // radios and sliders keep their own keys: none of the shortcuts is an arrow, Home, End or Page
    const found = shortcuts.find(({ keys }) => keys.includes(event.key));
    if (found === undefined) return;
    event.preventDefault();
    found.act(event.key);
  });
}

/**
 * Keys of the stage alone, which has the focus.
 * @param {PanZoom} panZoom
 * @param {() => void} remove takes the image off the page
 */
export function listenToStage(panZoom, remove) {
  const step = 0.1;
  const moves = {
    ArrowLeft: [step, 0],
    ArrowRight: [-step, 0],
    ArrowUp: [0, step],
    ArrowDown: [0, -step],
  };
  const zooms = { "+": () => panZoom.closer(), "=": () => panZoom.closer(), "-": () => panZoom.further(), 0: () => panZoom.fit() };
  byId("stage").addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in moves) panZoom.move(...moves[event.key]);
    else if (event.key in zooms) zooms[event.key]();
    else if (event.key === "Delete") remove();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
