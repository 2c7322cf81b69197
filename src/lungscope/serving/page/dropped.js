// What is dropped: files, and whole folders of which the images are taken.

/** Endings of images, as of `lungscope predict` (`lungscope.inference.listing`). */
const IMAGE = /\.(png|jpe?g|tiff?|bmp|webp|dcm|dicom|dic)$/i;
const MARK = { begin: 128, end: 132, text: "DICM" };

/**
 * What was dropped, each file with the path in its folder as its name.
 * @param {DataTransfer} transfer
 * @returns {AsyncIterable<{file: File, name: string}>}
 */
export function dropped(transfer) {
  // the entries must be taken before the first wait: afterwards the transfer is empty
  const plain = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return entries.some((entry) => entry.isDirectory) ? listed(entries) : alone(plain);
}

/** Files that a person chose one by one: each stands for itself, whatever it is. */
export async function* alone(files) {
  for (const file of files) yield { file, name: file.name };
}

async function* listed(entries) {
  for (const entry of entries) {
    if (entry.isDirectory) yield* imagesIn(entry);
    else {
      const file = await fileOf(entry);
      if (file !== null) yield { file, name: entry.name };
    }
  }
}

async function* imagesIn(folder) {
  for (const entry of await contentOf(folder)) {
    if (entry.name.startsWith(".") || entry.name === "DICOMDIR") continue;
    if (entry.isDirectory) {
      yield* imagesIn(entry);
      continue;
    }
    const file = await fileOf(entry);
    if (file === null || !(IMAGE.test(entry.name) || (await isDicom(file)))) continue;
    yield { file, name: entry.fullPath.replace(/^\//, "") };
  }
}

/** All that lies in a folder, in order; a browser hands it over by the hundred. */
async function contentOf(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) break;
    found.push(...some);
  }
  const { compare } = new Intl.Collator("en", { numeric: true });
  return found.sort((a, b) => compare(a.name, b.name));
}

/** Null where the file is gone, or not ours to read. */
function fileOf(entry) {
  return new Promise((resolve) => entry.file(resolve, () => resolve(null)));
}

/** Archives give DICOM files names without an ending, so it is looked for inside. */
async function isDicom(file) {
  const mark = await file.slice(MARK.begin, MARK.end).text().catch(() => "");
  return mark === MARK.text;
}
