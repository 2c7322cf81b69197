// Answers that would be lost with the page, and the question before that.

import { byId } from "./element.js";
import { counted } from "./words.js";

export class Unsaved {
  #collection;
  #saved = new WeakSet();

  constructor(collection) {
    this.#collection = collection;
    window.addEventListener("beforeunload", (event) => {
      if (this.#unsaved.length > 0) event.preventDefault();
    });
  }

  /** Marks all present answers as saved. */
  saved() {
    for (const image of this.#answered) this.#saved.add(image);
  }

  /**
   * Asks before many answers are removed.
   * @param {() => void} remove done at once where there is little to lose
   */
  askBefore(remove) {
    const count = this.#answered.length;
    if (count < 2) {
      remove();
      return;
    }
    const lost = this.#unsaved.length;
    const text = lost === 0 ? "All are saved." : `${lost.toLocaleString("en")} of these answers are not saved.`;
    byId("clear-text").textContent = `${counted(count, "image")} here have answers. ${lost === count ? "They are not saved." : text}`;
    byId("clear-confirm").onclick = () => {
      byId("clear-dialog").close();
      remove();
    };
    byId("clear-dialog").showModal();
  }

  get #answered() {
    return this.#collection.images.filter((image) => image.state === "answered");
  }

  get #unsaved() {
    return this.#answered.filter((image) => !this.#saved.has(image));
  }
}
