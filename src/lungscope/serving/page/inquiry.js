// Requests the answer for a radiograph and puts it, with its images, into the collection.

import { Problem } from "./problem.js";
import { thumbnail } from "./thumbnail.js";

/** Number of radiographs whose large images are kept in memory; others are requested again. */
const HELD = 16;

/** Milliseconds that an image must be looked at: who skims through many needs no request for each. */
const LINGER = 120;

export class Inquiry {
  #collection;
  #service;
  #recent = [];
  #explaining = null;
  #explained = null;
  #soon = 0;

  constructor(collection, service) {
    this.#collection = collection;
    this.#service = service;
  }

  /** Requests the answer; for the selected image, the heatmap in the same request. */
  async answer(image, signal) {
    const wanted = { explain: image === this.#collection.selected, label: null };
    this.#collection.change(image, { state: "sending", note: null, problem: null });
    try {
      await this.#ask(image, wanted, signal);
    } catch (error) {
      if (error.name === "AbortError") {
        this.#collection.change(image, { state: "stopped", note: null });
      } else {
        this.#collection.change(image, { state: "failed", note: null, problem: problemOf(error) });
      }
    }
  }

  /** Forgets why the evidence is missing, so that it is requested again. */
  allowRetry(image) {
    if (image.unexplained !== null) this.#collection.change(image, { unexplained: null });
  }

  /** Requests what the selected image lacks, unless that is under way. */
  lookAt(image) {
    if (image === null || image.state !== "answered" || image.unexplained !== null) return;
    clearTimeout(this.#soon);
    if (this.#explained === image || !this.#lacks(image)) return;
    this.#soon = setTimeout(() => {
      if (image === this.#collection.selected) this.explain(image, image.explained);
    }, LINGER);
  }

  /**
   * Requests the evidence for a class, and a preview if there is none.
   * A newer request cancels the one before.
   * @param {object} image that is answered
   * @param {string|null} label of the class; null for the most probable one
   */
  async explain(image, label) {
    clearTimeout(this.#soon);
    this.#explaining?.abort();
    const controller = new AbortController();
    this.#explaining = controller;
    this.#explained = image;
    this.#collection.change(image, { explained: label, unexplained: null });
    try {
      if (!this.#lacks(image)) return;
      await this.#ask(image, { explain: true, label }, controller.signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#collection.change(image, { unexplained: problemOf(error) });
    } finally {
      if (this.#explaining === controller) this.#explained = null;
    }
  }

  #lacks(image) {
    const pixels = image.shown === false && image.preview === null;
    const unasked = image.row.abstained && image.explained === null;
    return pixels || (!unasked && !image.heatmaps.has(image.explained));
  }

  async #ask(image, wanted, signal) {
    const preview = image.shown === false && image.preview === null;
    const onWait = (seconds, again, tries) => {
      const note = `Busy; trying again in ${Math.ceil(seconds)} s (${again} of ${tries})`;
      this.#collection.change(image, { note });
    };
    const answer = await this.#service.predict(image.file, { ...wanted, preview }, signal, onWait);
    if (!this.#collection.has(image)) return;
    const { heatmap, preview: drawn, ...row } = answer.row;
    if (wanted.explain) {
      const label = heatmap?.class ?? wanted.label ?? mostProbable(row);
      image.heatmaps.set(label, heatmap && withImages(heatmap));
      // where the model abstains, evidence is shown only on request
      if (!row.abstained || wanted.label !== null) image.explained = label;
    }
    if (preview) image.preview = drawn ? fromDataAddress(drawn) : false;
    this.#hold(image);
    const result = image.result ?? answer.result; // of the first answer: later ones are the same
    this.#collection.change(image, { state: "answered", note: null, row, result });
    if (image.thumbnail === null && image.preview) {
      const small = await thumbnail(image.preview);
      if (this.#collection.has(image)) this.#collection.change(image, { thumbnail: small });
      else if (small !== null) URL.revokeObjectURL(small);
    }
  }

  #hold(image) {
    this.#recent = this.#recent.filter((other) => other !== image && this.#collection.has(other));
    this.#recent.push(image);
    if (this.#recent.length <= HELD) return;
    const oldest = this.#recent.findIndex((other) => other !== this.#collection.selected);
    this.#recent.splice(oldest, 1)[0].releaseImages();
  }
}

/** The most probable class, also where the model abstains. */
export function mostProbable(row) {
  return Object.entries(row.probabilities).reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}

function problemOf(error) {
  if (error instanceof Problem) return error;
  return new Problem(500, "The service's answer could not be understood.");
}

function withImages({ overlay, image, outline, ...facts }) {
  return {
    ...facts,
    overlay: fromDataAddress(overlay),
    image: fromDataAddress(image),
    outline: outline === null ? null : fromDataAddress(outline),
  };
}

/** The policy of this page forbids `fetch` of data addresses, so they are decoded by hand. */
function fromDataAddress(address) {
  const [head, content] = address.split(",", 2);
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: head.slice("data:".length).split(";")[0] });
}
