// How far the images are: in the head of the strip, and in the title of the tab.

import { byId } from "./element.js";
import { tally } from "./tally.js";
import { counted } from "./words.js";

/** Milliseconds between counts: with many images, each of their changes would count them all. */
const PAUSE = 16;
const TITLE = document.title;

export class Progress {
  #collection;
  #due = 0;

  constructor(collection) {
    this.#collection = collection;
    for (const what of ["added", "removed", "changed"]) {
      collection.addEventListener(what, () => this.#soon());
    }
  }

  /** Not by the frame: a tab in the background has none, and its title is what is seen of it. */
  #soon() {
    if (this.#due !== 0) return;
    this.#due = setTimeout(() => {
      this.#due = 0;
      this.#show(this.#collection.images);
    }, PAUSE);
  }

  #show(images) {
    const done = images.filter((image) => image.done).length;
    const ended = done === images.length;
    const far = `${done.toLocaleString("en")} of ${images.length.toLocaleString("en")}`;
    document.title = ended ? TITLE : `${far} - ${TITLE}`;
    byId("strip").hidden = images.length < 2;
    byId("progress").max = Math.max(images.length, 1);
    byId("progress").value = done;
    byId("progress").classList.toggle("ended", ended);
    byId("stop").hidden = ended;
    byId("again").hidden = !ended || !images.some((image) => image.mayResume || image.mayBeExplained);
    byId("progress-text").textContent = ended ? counted(images.length, "image") : far;
    byId("counts").textContent = tally(images);
  }
}
