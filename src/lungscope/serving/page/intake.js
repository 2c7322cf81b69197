// How images come to the page: dropped (also whole folders), pasted or chosen.

const MOST = 2000;

export class Intake {
  #take;

  /**
   * @param {(files: File[], left: number) => void} take is given the files, and how many beyond
   *   the first 2,000 were left
   */
  constructor(take) {
    this.#take = take;
  }

  /** @param {HTMLInputElement} input of files */
  chosenBy(input) {
    input.addEventListener("change", () => {
      this.#limited([...input.files]);
      input.value = ""; // so that the same file can be chosen again
    });
  }

  pastedOn(page) {
    page.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      this.#limited(files);
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
      this.#limited(await droppedFiles(event.dataTransfer));
    });
  }

  #limited(files) {
    if (files.length > 0) this.#take(files.slice(0, MOST), Math.max(0, files.length - MOST));
  }
}

async function droppedFiles(transfer) {
  // the entries must be taken before the first wait: afterwards the transfer is empty
  const plain = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return plain;
  const found = [];
  for (const entry of entries) await collect(entry, found);
  return found;
}

async function collect(entry, found) {
  if (found.length > MOST || entry.name.startsWith(".") || entry.name === "DICOMDIR") return;
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    if (file !== null) found.push(file); // else it is gone, or not ours to read
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) return;
    some.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
    for (const each of some) await collect(each, found);
  }
}
