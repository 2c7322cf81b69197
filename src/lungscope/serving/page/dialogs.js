// The dialogs: the model's facts and card, the keys, the token.

import { byId, element } from "./element.js";
import { fromMarkdown } from "./markdown.js";
import { sentence } from "./words.js";

/** A button opens a dialog; its own buttons, Escape and a click beside it close it. */
export function opensDialog(button, dialog) {
  button.addEventListener("click", () => dialog.showModal());
}

export function closable(dialog) {
  for (const button of dialog.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => dialog.close());
  }
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}

/** @param {object} model as `/v1/model` describes it */
export function showModel(model) {
  const short = `${model.sha256.slice(0, 8)}${model.precision === "fp32" ? "" : ` ${model.precision}`}`;
  const name = model.name.includes(short) ? model.name : `${model.name} ${short}`;
  byId("show-model").replaceChildren(
    element("span", { class: "unseen" }, "Model "),
    element("span", { class: "model-name" }, name),
  );
  byId("show-model").title = "About the model";
  const { max_distance: maxDistance, min_confidence: minConfidence } = model.abstention ?? {};
  const limits = [
    Number.isFinite(maxDistance) && `the distance from the training images is over ${maxDistance.toFixed(2)}`,
    Number.isFinite(minConfidence) && `no class reaches ${(100 * minConfidence).toFixed(0)} %`,
  ].filter(Boolean);
  const facts = {
    Name: model.name,
    "SHA-256": element("code", { class: "hash" }, model.sha256),
    Classes: model.classes.join(", "),
    Input: `${model.input_size} × ${model.input_size} pixels, ${model.precision}`,
    Temperature: model.temperature.toFixed(3),
    "Abstains when": limits.join(", or "),
    lungscope: model.version,
  };
  const known = Object.entries(facts).filter(([, value]) => value);
  byId("model-facts").replaceChildren(
    element("p", { class: "disclaimer-line" }, model.disclaimer),
    element("dl", {}, ...known.flatMap(([key, value]) => [element("dt", {}, key), element("dd", {}, value)])),
    element("div", { class: "card" }, ...(model.card ? fromMarkdown(model.card) : [element("p", { class: "hint" }, "This model has no model card.")])),
  );
}

/**
 * Shows why the model cannot be described.
 * @param {Problem} problem
 * @param {() => void} again requests it once more
 */
export function showNoModel(problem, again) {
  byId("show-model").replaceChildren(element("span", { class: "model-name failed" }, problem.title));
  const tryAgain = () => {
    byId("model-dialog").close();
    again();
  };
  byId("model-facts").replaceChildren(
    element("p", {}, sentence(problem.detail)),
    element("p", { class: "dialog-foot" }, element("button", { type: "button", class: "primary", onclick: tryAgain }, "Try again")),
  );
}

export function showModelWaits() {
  showModelState("The model is loading …");
}

function showModelState(text) {
  byId("show-model").replaceChildren(element("span", { class: "model-name" }, text));
}

/**
 * Asks the person for the token.
 * @param {boolean} refused whether the one that was given is wrong
 * @returns {Promise<string|null>} null where none is given
 */
export function askForToken(refused) {
  const dialog = byId("token-dialog");
  const field = byId("token");
  const error = byId("token-error");
  field.value = "";
  if (byId("model-facts").childElementCount === 0) showModelState("A token is needed");
  error.textContent = refused ? "The service rejected this token." : "";
  return new Promise((resolve) => {
    let given = null;
    byId("token-form").onsubmit = (event) => {
      event.preventDefault();
      const token = field.value.trim();
      if (!/^[\x21-\x7e]+$/.test(token)) {
        error.textContent = "A token has letters, digits and signs, without spaces.";
        return;
      }
      given = token;
      dialog.close();
    };
    dialog.addEventListener("close", () => resolve(given), { once: true });
    if (!dialog.open) dialog.showModal();
  });
}
