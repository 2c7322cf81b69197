// The controls of a reader's verdict below an answer.

import { element } from "./element.js";
import { counted } from "./words.js";

export class Judging {
  #judgements;
  #save;
  #shown = null;

  /**
   * @param {import("./judgements.js").Judgements} judgements
   * @param {(when: Date) => void} save saves all verdicts as a file
   */
  constructor(judgements, save) {
    this.#judgements = judgements;
    this.#save = save;
  }

  /** @returns {HTMLElement} the controls for an image that is answered */
  controls(image) {
    const panel = element("fieldset", { class: "judging" });
    this.#shown = { image, panel };
    this.#draw();
    return panel;
  }

  /** Gives a verdict; the same one again withdraws it. Nothing where there is no answer to judge. */
  judge(image, verdict, readerClass = null) {
    if (image?.state !== "answered" || (image.row.predicted === null && verdict !== "correct")) return;
    const now = this.#judgements.of(image);
    if (now?.verdict === verdict && now.reader_class === readerClass) this.#judgements.withdraw(image);
    else this.#judgements.give(image, verdict, readerClass);
    if (this.#shown?.image === image) this.#draw();
  }

  #draw() {
    const { image, panel } = this.#shown;
    const focused = panel.contains(document.activeElement) ? document.activeElement.dataset.control : null;
    const answered = image.row.predicted !== null;
    panel.replaceChildren(
      element("legend", {}, "Your verdict"),
      element(
        "div",
        { class: "judging-choices" },
        answered ? this.#button(image, "accept", "Right") : null,
        answered ? this.#button(image, "reject", "Wrong") : null,
        this.#classes(image),
      ),
      ...this.#kept(),
    );
    panel.querySelector(`[data-control="${focused}"]`)?.focus();
  }

  #button(image, verdict, text) {
    const given = this.#judgements.of(image)?.verdict === verdict;
    return element(
      "button",
      { type: "button", class: "small", "data-control": verdict, "aria-pressed": String(given), onclick: () => this.judge(image, verdict) },
      text,
    );
  }

  #classes(image) {
    const { predicted, probabilities } = image.row;
    const given = this.#judgements.of(image)?.reader_class ?? "";
    const others = Object.keys(probabilities).filter((label) => label !== predicted);
    const choose = (event) => {
      const label = event.target.value;
      if (label === "") this.#withdraw(image);
      else this.judge(image, "correct", label);
    };
    const prompt = predicted === null ? "It is …" : "Wrong, it is …";
    const options = others.map((label) => element("option", { value: label, selected: label === given }, label));
    return element(
      "label",
      {},
      element("span", { class: "unseen" }, "Class of this image"),
      element("select", { class: "small", "data-control": "class", onchange: choose }, element("option", { value: "" }, prompt), ...options),
    );
  }

  #withdraw(image) {
    this.#judgements.withdraw(image);
    this.#draw();
  }

  #kept() {
    const { count } = this.#judgements;
    if (count === 0) return [element("p", { class: "hint" }, "Verdicts are kept in this browser, without names of files.")];
    return [
      element("p", { class: "hint" }, `${counted(count, "verdict")} kept in this browser, without names of files. `),
      element(
        "div",
        { class: "judging-kept" },
        element("button", { type: "button", class: "small", "data-control": "save", onclick: () => this.#save(new Date()) }, "Save verdicts, CSV"),
        element("button", { type: "button", class: "small quiet", "data-control": "forget", onclick: () => this.#forget() }, "Forget them"),
      ),
    ];
  }

  #forget() {
    const { count } = this.#judgements;
    if (!window.confirm(`Forget ${counted(count, "verdict")}? What is not saved is lost.`)) return;
    this.#judgements.forget();
    this.#draw();
  }
}
