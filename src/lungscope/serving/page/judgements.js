// Readers' verdicts on answers, kept in this browser: no file name, no identifier of a patient.

import { csv } from "./download.js";
import { remember, remembered } from "./memory.js";

const KEY = "lungscope.verdicts";
const COLUMNS = ["result", "judged", "predicted", "verdict", "reader_class", "model_sha256"];

/** More than a reader gives in years; beyond, the oldest are forgotten. */
const MOST = 20_000;

export class Judgements {
  #rows = new Map(read().map((row) => [row.result, row]));

  get count() {
    return this.#rows.size;
  }

  /** The verdict on the answer of an image, as a row of the table; null without one. */
  of(image) {
    return this.#rows.get(idOf(image)) ?? null;
  }

  /**
   * @param {object} image that is answered
   * @param {"accept"|"reject"|"correct"} verdict
   * @param {string|null} readerClass of a correction
   */
  give(image, verdict, readerClass = null) {
    const { predicted, model_sha256 } = image.row;
    const result = idOf(image);
    const judged = new Date().toISOString();
    this.#rows.delete(result); // or it would keep the place of the verdict before
    this.#rows.set(result, { result, judged, predicted, verdict, reader_class: readerClass, model_sha256 });
    this.#keep();
  }

  withdraw(image) {
    this.#rows.delete(idOf(image));
    this.#keep();
  }

  forget() {
    this.#rows.clear();
    this.#keep();
  }

  /** What `lungscope assess` reads. */
  asCsv() {
    return csv([COLUMNS, ...[...this.#rows.values()].map((row) => COLUMNS.map((name) => row[name]))]);
  }

  #keep() {
    for (const oldest of [...this.#rows.keys()].slice(0, -MOST)) this.#rows.delete(oldest);
    remember(KEY, JSON.stringify([...this.#rows.values()]));
  }
}

/** A service that gives no ID is none of ours; its answers are told apart on this page. */
function idOf(image) {
  return image.result ?? `image-${image.id}`;
}

function read() {
  try {
    const rows = JSON.parse(remembered(KEY) ?? "[]");
    return Array.isArray(rows) ? rows.filter((row) => typeof row?.result === "string") : [];
  } catch {
    return []; // not ours
  }
}
