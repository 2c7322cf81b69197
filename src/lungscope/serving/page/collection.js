// The radiographs on the page: what is known of each, and which one is selected.

let next = 1;

export class Radiograph {
  /**
   * @param {File} file
   * @param {string} name that is shown: of a file in a dropped folder, with its path
   */
  constructor(file, name) {
    this.id = next++;
    this.file = file;
    this.name = name || "pasted image";
    /** "waiting", "sending", "answered", "failed" or "stopped". */
    this.state = "waiting";
    /** What it waits for, in words; null where there is nothing to say. */
    this.note = null;
    /** The service's answer without its images. */
    this.row = null;
    /** The answer's ID; null until there is one. */
    this.result = null;
    /** Why there is no answer. */
    this.problem = null;
    /** Whether a browser shows the file itself; null until that is known. */
    this.shown = null;
    /** Address of the thumbnail. */
    this.thumbnail = null;
    /** The service's preview of a file that browsers cannot show; false where it has none. */
    this.preview = null;
    /** What the service said of each class's evidence, by class; null where it has none. */
    this.heatmaps = new Map();
    /** The class whose evidence is shown; null until there is an answer. */
    this.explained = null;
    /** Why its evidence cannot be shown. */
    this.unexplained = null;
  }

  get done() {
    return this.state === "answered" || this.state === "failed" || this.state === "stopped";
  }

  /** Whether a new request may bring an answer. */
  get mayResume() {
    return this.state === "stopped" || (this.state === "failed" && this.problem.passing);
  }

  /** Whether its evidence is missing and a new request may bring it. */
  get mayBeExplained() {
    return this.unexplained?.passing ?? false;
  }

  get heatmap() {
    return this.heatmaps.get(this.explained) ?? null;
  }

  /** Forgets the large images; they can be requested again. */
  releaseImages() {
    this.preview = null;
    this.heatmaps.clear();
  }

  release() {
    this.releaseImages();
    if (this.thumbnail !== null) URL.revokeObjectURL(this.thumbnail);
    this.thumbnail = null;
  }
}

/** Dispatches "added", "removed", "changed" (each with the image), "selected" and "listed". */
export class Collection extends EventTarget {
  #images = new Map();
  #selected = null;
  #listed = null;

  /** All, in the order in which they came. */
  get images() {
    return [...this.#images.values()];
  }

  get selected() {
    return this.#selected;
  }

  /** Those that are listed, in the order of the list. */
  get listed() {
    return this.#listed?.filter((image) => this.has(image)) ?? this.images;
  }

  /**
   * Lists some of the images in an order. If the selected one is not among them, the first is selected.
   * @param {Radiograph[]} images
   */
  list(images) {
    this.#listed = images;
    this.#dispatch("listed", null);
    if (images.length > 0 && !images.includes(this.#selected)) this.select(images[0]);
  }

  /** @param {Radiograph} image */
  has(image) {
    return this.#images.has(image.id);
  }

  /**
   * @param {{file: File, name: string}[]} found
   * @returns {Radiograph[]} the first is selected if none was
   */
  add(found) {
    const images = found.map(({ file, name }) => new Radiograph(file, name));
    for (const image of images) {
      this.#images.set(image.id, image);
      this.#dispatch("added", image);
    }
    if (this.#selected === null && images.length > 0) this.select(images[0]);
    return images;
  }

  /** If it was selected, its neighbour is selected. */
  remove(image) {
    const images = this.listed;
    const at = images.indexOf(image);
    const next = this.#selected === image ? (images[at + 1] ?? images[at - 1] ?? null) : this.#selected;
    this.#images.delete(image.id);
    image.release();
    this.#selected = next;
    this.#dispatch("removed", image);
    this.select(next);
  }

  clear() {
    const images = this.images;
    this.#images.clear();
    this.#selected = null;
    for (const image of images) {
      image.release();
      this.#dispatch("removed", image);
    }
    this.select(null);
  }

  /** @param {Radiograph|null} image */
  select(image) {
    this.#selected = image;
    this.#dispatch("selected", image);
  }

  /** The image so many places further; the last or first one where there are not so many. */
  step(places) {
    const images = this.listed;
    if (images.length === 0) return;
    const at = images.indexOf(this.#selected) + places;
    this.select(images[Math.min(Math.max(at, 0), images.length - 1)]);
  }

  /** Sets what is known of an image that is still here, and dispatches "changed". */
  change(image, known) {
    if (!this.has(image)) return;
    Object.assign(image, known);
    this.#dispatch("changed", image);
  }

  #dispatch(what, image) {
    this.dispatchEvent(new CustomEvent(what, { detail: image }));
  }
}
