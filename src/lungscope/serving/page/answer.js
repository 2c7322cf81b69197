// The answer for the radiograph that is looked at: class, probabilities, evidence, facts.

import { byId, element } from "./element.js";
import { mostProbable } from "./inquiry.js";
import { counted, fileSize, percent, sentence } from "./words.js";

/** Of heat that is spread evenly, the share outside the thorax (`lungscope.inference.thorax`). */
const EVEN = 0.35;

export class Answer {
  #explain;
  #again;
  #remove;
  #saving;
  #model = null;
  #image = null;
  #shown = null;

  /**
   * @param {(image: object, label: string) => void} explain shows the evidence for a class
   * @param {(images: object[]) => void} again asks the service once more
   * @param {(image: object) => void} remove takes an image off the page
   * @param {{name: string, hint: string, save: (image: object) => void,
   *   needsHeatmap: boolean}[]} saving the ways to keep an answer
   */
  constructor(explain, again, remove, saving) {
    this.#explain = explain;
    this.#again = again;
    this.#remove = remove;
    this.#saving = saving;
  }

  set model(model) {
    this.#model = model;
    this.#shown = null;
    this.show(this.#image);
  }

  /** @param {object|null} image that is looked at, as far as it is known */
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
      element("bdi", { class: "file-name", title: image.name }, image.name),
      element("button", { type: "button", class: "quiet small", onclick: remove }, "Remove"),
    );
  }

  #answered(image) {
    const { row } = image;
    return [
      row.abstained ? abstention(row, this.#model) : verdict(row),
      this.#probabilities(image),
      element("div", { id: "evidence", class: "evidence" }),
      this.#saves(image),
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
    ].filter(Boolean);
  }

  #stopped(image) {
    return [
      element("h2", { class: "headline quietly" }, "Stopped"),
      element("p", { class: "reason" }, "This image was not classified."),
      this.#tryAgain(image),
    ];
  }

  #tryAgain(image) {
    const again = () => this.#again([image]);
    return element("p", {}, element("button", { type: "button", class: "primary", onclick: again }, "Try again"));
  }

  #probabilities(image) {
    const { row } = image;
    const best = mostProbable(row);
    const choices = Object.entries(row.probabilities).map(([label, probability]) => {
      const fill = element("span", { class: "bar-fill" });
      fill.style.setProperty("--share", String(probability));
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
      element("legend", {}, "Calibrated probabilities"),
      element("p", { class: "hint" }, "Choose a class to see its evidence."),
      ...choices,
    );
  }

  #drawEvidence(image) {
    for (const choice of byId("answer").querySelectorAll("input[name=explained]")) {
      choice.checked = choice.value === image.explained;
    }
    byId("evidence").replaceChildren(...evidence(image));
    for (const button of byId("answer").querySelectorAll("[data-needs-heatmap]")) {
      button.disabled = !image.heatmap;
    }
  }

  #saves(image) {
    const buttons = this.#saving.map(({ name, hint, save, needsHeatmap }) =>
      element(
        "button",
        {
          type: "button",
          title: hint,
          "data-needs-heatmap": needsHeatmap,
          onclick: () => save(image),
        },
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

  #facts(image) {
    const { row } = image;
    const farthest = this.#model?.abstention?.farthest;
    const limit = typeof farthest === "number" ? ` (answers up to ${farthest.toFixed(2)})` : "";
    const facts = {
      Pixels: `${row.width} × ${row.height}, ${row.format}`,
      File: fileSize(image.file.size),
      Taken: [row.modality, row.body_part, row.view_position, row.laterality].filter(Boolean).join(", "),
      "Distance from the training images": `${row.distance.toFixed(2)}${limit}`,
      Model: row.model,
    };
    const told = Object.entries(facts).filter(([, value]) => value);
    return element(
      "details",
      { class: "facts" },
      element("summary", {}, "Details"),
      element("dl", {}, ...told.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])),
      element("button", { type: "button", class: "small", onclick: () => byId("show-model").click() }, "About the model"),
    );
  }
}

function abstention(row, model) {
  return element(
    "div",
    { class: "verdict" },
    element("h2", { class: "headline abstained" }, "No answer"),
    element("p", { class: "reason" }, sentence(row.reason)),
    element("p", { class: "hint" }, inPlainWords(row, model)),
  );
}

/** What the reason means, for somebody who does not know the model's limits. */
function inPlainWords(row, model) {
  const { farthest, least_confidence: least } = model?.abstention ?? {};
  if (row.distance > farthest) {
    return "To the model this image is unlike all that it has learned from, so it names no class. The bars show what it would have weighed; where the image is no frontal chest X-ray they mean nothing.";
  }
  if (Math.max(...Object.values(row.probabilities)) < least) {
    return `The model names a class from ${percent(least)} on, and none reaches that here. The bars show what it weighs.`;
  }
  return "The model names no class for such an image. The bars show what it would have weighed, and mean nothing where the image is no frontal chest X-ray.";
}

function verdict(row) {
  return element(
    "div",
    { class: "verdict" },
    element("h2", { class: "headline" }, element("bdi", {}, row.label)),
    element("p", { class: "sum" }, element("strong", {}, percent(row.probabilities[row.label])), " probability"),
  );
}

function pending(image) {
  const waiting = image.state === "waiting";
  return [
    element("h2", { class: "headline quietly" }, waiting ? "Waiting" : "Being classified …"),
    element("p", { id: "answer-note", class: "reason" }),
    element("div", { class: waiting ? "skeleton" : "skeleton moving", "aria-hidden": "true" }, ...[1, 2, 3].map(() => element("span"))),
  ];
}

function evidence(image) {
  if (image.unexplained !== null) {
    const told = `The heatmap did not come: ${image.unexplained.detail} Choose a class to ask again.`;
    return [element("p", { class: "remark warning" }, told)];
  }
  if (image.explained === null && image.row.abstained) return [];
  if (!image.heatmaps.has(image.explained)) return [element("p", { class: "hint" }, "The heatmap is coming …")];
  const { heatmap } = image;
  if (heatmap === null) return [element("p", { class: "hint" }, "This model has no heatmap.")];
  return [
    element("h3", {}, "Evidence for ", element("bdi", {}, image.explained)),
    element("div", { class: "scale", role: "img", "aria-label": `Colours from dark blue, no evidence, to yellow, ${heatmap.scale.toFixed(2)} logits` }),
    element("p", { class: "scale-ends", "aria-hidden": "true" }, element("span", {}, "none"), element("span", {}, `+${heatmap.scale.toFixed(2)} logits a cell`)),
    remark(heatmap),
  ];
}

function remark({ share_outside_thorax: outside }) {
  if (outside === null) return element("p", { class: "remark" }, "No place of this image speaks for this class.");
  const share = `${Math.round(100 * outside)} % of the heat is outside the thorax`;
  if (outside <= EVEN) {
    return element("p", { class: "remark" }, `${share}; of evenly spread heat it would be ${100 * EVEN} %.`);
  }
  return element(
    "p",
    { class: "remark warning" },
    `${share}, more than of evenly spread heat (${100 * EVEN} %). The score may rest on markers, on the film's edge or on what lies beside the lungs.`,
  );
}

/** What is said aloud when the image that is looked at has its answer. */
export function spoken(image) {
  if (image.state === "failed") return `${image.name}: ${image.problem.title}. ${sentence(image.problem.detail)}`;
  const { row } = image;
  if (row.abstained) return `${image.name}: no answer. ${sentence(row.reason)}`;
  return `${image.name}: ${row.label}, probability ${percent(row.probabilities[row.label])}.`;
}

/** What is said aloud, and shown, when many are done. */
export function summary(images) {
  const count = (test) => images.filter(test).length;
  const failed = count((image) => image.state === "failed");
  const abstained = count((image) => image.state === "answered" && image.row.abstained);
  const told = [`${counted(count((image) => image.state === "answered"), "image")} classified`];
  if (abstained > 0) told.push(`${abstained} without an answer`);
  if (failed > 0) told.push(`${failed} failed`);
  return `${told.join(", ")}.`;
}
