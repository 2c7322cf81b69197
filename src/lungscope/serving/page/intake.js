// How images come to the page: dropped (also whole folders), pasted or chosen.

import { alone, dropped } from "./dropped.js";

const MOST = 2000;

/** Beyond so many, nobody needs to know how many there are. */
const COUNTED = 100_000;

export class Intake {
  #take;
  #on;

  /**
   * @param {(found: {file: File, name: string}[]) => void} take is given the files
   * @param {{left: (count: number, more: boolean) => void, none: () => void}} on called for files
   *   beyond the first 2,000 that were left out, `more` where there are more than were counted; and
   *   for a drop without images
   */
  constructor(take, on) {
    this.#take = take;
    this.#on = on;
  }

  /** @param {HTMLInputElement} input of files */
  chosenBy(input) {
    input.addEventListener("change", () => {
      this.#limited(alone([...input.files]));
      input.value = ""; // so that the same file can be chosen again
    });
  }

  pastedOn(page) {
    page.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      this.#limited(alone(files));
    });
  }

  /** @param {HTMLElement} veil that is shown while files hover over the page */
  droppedOn(page, veil) {
    const withFiles = (event) => event.dataTransfer?.types.includes("Files");
    page.addEventListener("dragover", (event) => {
      if (!withFiles(event)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      veil.hidden = false;
    });
    page.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) veil.hidden = true;
    });
    page.addEventListener("drop", async (event) => {
      veil.hidden = true;
      if (!withFiles(event)) return;
      event.preventDefault();
      if ((await this.#limited(dropped(event.dataTransfer))) === 0) this.#on.none();
    });
  }

  /** Takes the first ones at once, and counts the others afterwards. @returns how many there are */
  async #limited(all) {
    const found = [];
    let count = 0;
    for await (const each of all) {
      count += 1;
      if (count <= MOST) found.push(each);
      if (count === MOST) this.#take(found);
      if (count === MOST + COUNTED + 1) break;
    }
    if (count > 0 && count < MOST) this.#take(found);
    const left = count - MOST;
    if (left > 0) this.#on.left(Math.min(left, COUNTED), left > COUNTED);
    return count;
  }
}
