// The answer for the selected radiograph: class, probabilities, evidence, facts.

import { byId, element } from "./element.js";
import { evidence } from "./evidence.js";
import { mostProbable } from "./inquiry.js";
import { shortened } from "./name.js";
import { enableSaves, saveButtons } from "./saves.js";
import { verdict } from "./verdict.js";
import { fileSize, isUnsure, percent, sentence } from "./words.js";

export class Answer {
  #explain;
  #again;
  #remove;
  #saving;
  #judging;
  #model = null;
  #image = null;
  #shown = null;

  /**
   * @param {(image: object, label: string) => void} explain shows the evidence for a class
   * @param {(images: object[]) => void} again requests the answer once more
   * @param {(image: object) => void} remove takes an image off the page
   * @param {import("./saves.js").Saving[]} saving the ways to keep an answer
   * @param {import("./judging.js").Judging} judging takes the reader's verdict
   */
  constructor(explain, again, remove, saving, judging) {
    this.#explain = explain;
    this.#again = again;
    this.#remove = remove;
    this.#saving = saving;
    this.#judging = judging;
  }

  set model(model) {
    this.#model = model;
    this.#shown = null;
    this.show(this.#image);
  }

  /** @param {object|null} the selected image, as far as it is known */
  show(image) {
    this.#image = image;
    if (image === null) return;
    // drawn anew only where it says something else: a redrawn control loses the focus
    const says = JSON.stringify([image.id, image.state, image.row, image.problem?.detail]);
    if (says !== this.#shown) this.#draw(image);
    this.#shown = says;
    const note = byId("answer-note");
    if (note !== null) note.textContent = image.note ?? "";
    if (image.state === "answered") this.#drawEvidence(image);
  }

  #draw(image) {
    const parts = {
      answered: () => this.#answered(image),
      failed: () => this.#failed(image),
      stopped: () => this.#stopped(image),
    };
    const drawn = parts[image.state]?.() ?? pending(image);
    const panel = byId("answer");
    panel.replaceChildren(this.#nameOf(image), ...drawn);
    panel.setAttribute("aria-busy", String(!image.done));
    panel.scrollTop = 0;
  }

  #nameOf(image) {
    const remove = () => this.#remove(image);
    return element(
      "div",
      { class: "file" },
      shortened(image.name),
      element("button", { type: "button", class: "quiet small", onclick: remove }, "Remove"),
    );
  }

  #answered(image) {
    const { row } = image;
    return [
      verdict(row, this.#model),
      this.#probabilities(image),
      element("div", { id: "evidence", class: "evidence" }),
      this.#judging.controls(image),
      saveButtons(this.#saving, image),
      this.#facts(image),
    ];
  }

  #failed(image) {
    const { problem } = image;
    const id = problem.requestId;
    return [
      element("h2", { class: "headline failed" }, problem.title),
      element("p", { class: "reason" }, sentence(problem.detail)),
      id && element("p", { class: "hint" }, "For the service's log: request ", element("code", {}, id)),
      problem.passing ? this.#tryAgain(image) : null,
      saveButtons(this.#saving, image),
    ].filter(Boolean);
  }

  #stopped(image) {
    return [
      element("h2", { class: "headline muted" }, "Stopped"),
      element("p", { class: "reason" }, "This image was not classified."),
      this.#tryAgain(image),
      saveButtons(this.#saving, image),
    ];
  }

  #tryAgain(image) {
    const again = () => this.#again([image]);
    return element("p", {}, element("button", { type: "button", class: "primary", onclick: again }, "Try again"));
  }

  #probabilities(image) {
    const { row } = image;
    const meaningful = !row.abstained || isUnsure(row); // the image is like the training images
    const best = meaningful ? mostProbable(row) : null;
    const choices = Object.entries(row.probabilities).map(([label, probability]) => {
      const fill = element("span", { class: "bar-fill" });
      fill.style.setProperty("--probability", String(probability));
      return element(
        "label",
        { class: label === best ? "class best" : "class" },
        element("input", {
          type: "radio",
          name: "explained",
          value: label,
          onchange: () => this.#explain(image, label),
        }),
        element("bdi", { class: "class-name" }, label),
        element("span", { class: "class-probability" }, percent(probability)),
        element("span", { class: "bar", "aria-hidden": "true" }, fill),
      );
    });
    return element(
      "fieldset",
      { class: row.abstained ? "classes doubtful" : "classes" },
      element("legend", {}, meaningful ? "Calibrated probabilities" : "Probabilities it would have given"),
      element("p", { class: "hint" }, "Choose a class to see its evidence."),
      ...choices,
    );
  }

  #drawEvidence(image) {
    for (const choice of byId("answer").querySelectorAll("input[name=explained]")) {
      choice.checked = choice.value === image.explained;
    }
    const again = () => this.#explain(image, image.explained);
    byId("evidence").replaceChildren(...evidence(image, again));
    enableSaves(byId("answer"), image);
  }

  #facts(image) {
    const { row } = image;
    const maxDistance = this.#model?.abstention?.max_distance;
    const limit = typeof maxDistance === "number" ? ` (limit ${maxDistance.toFixed(2)})` : "";
    const facts = {
      Pixels: `${row.width} × ${row.height}, ${row.format}`,
      File: fileSize(image.file.size),
      Acquisition: [row.modality, row.body_part, row.view_position, row.laterality].filter(Boolean).join(", "),
      "Distance from the training images": `${row.distance.toFixed(2)}${limit}`,
      Model: row.model,
    };
    const known = Object.entries(facts).filter(([, value]) => value);
    return element(
      "details",
      { class: "facts" },
      element("summary", {}, "Details"),
      element("dl", {}, ...known.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])),
      element("button", { type: "button", class: "small", onclick: () => byId("show-model").click() }, "About the model"),
    );
  }
}

function pending(image) {
  const waiting = image.state === "waiting";
  return [
    element("h2", { class: "headline muted" }, waiting ? "Waiting" : "Classifying …"),
    element("p", { id: "answer-note", class: "reason" }),
    element("div", { class: waiting ? "skeleton" : "skeleton moving", "aria-hidden": "true" }, ...[1, 2, 3].map(() => element("span"))),
  ];
}
