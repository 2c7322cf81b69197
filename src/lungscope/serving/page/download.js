// Answers as files: JSON and CSV of all images, as `lungscope predict` writes them, and pictures.

/** Cells that a spreadsheet would take for a formula (OWASP, "CSV injection"). */
const FORMULA = /^[=+\-@\t\r]/;

/** One row an image that is done; one that failed has its name and the error. */
export function rows(images) {
  return images
    .filter((image) => image.state === "answered" || image.state === "failed")
    .map((image) => image.row ?? { file: image.name, error: image.problem.detail });
}

export function asJson(images, disclaimer) {
  return `${JSON.stringify({ predictions: rows(images), disclaimer }, null, 2)}\n`;
}

/** The columns are those of `lungscope predict --csv`, for the service's rows have their order. */
export function asCsv(images) {
  const flat = rows(images).map(flattened);
  const widest = flat.reduce((a, b) => (Object.keys(b).length > Object.keys(a).length ? b : a), {});
  const columns = [...new Set([...Object.keys(widest), ...flat.flatMap(Object.keys)])];
  const lines = [columns, ...flat.map((row) => columns.map((name) => row[name]))];
  return lines.map((cells) => `${cells.map(cell).join(",")}\n`).join("");
}

function flattened({ probabilities = {}, ...row }) {
  const named = Object.entries(probabilities).map(([name, p]) => [`probability:${name}`, p]);
  const { file, error, label, ...others } = row;
  const answered = label === undefined ? {} : { label };
  return { file, error, ...answered, ...Object.fromEntries(named), ...others };
}

function cell(value) {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" && FORMULA.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Saves a file.
 * @param {Blob|string} content
 * @param {string} name
 * @param {string} type of media, of a string
 */
export function save(content, name, type = "") {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // the browser reads it a little later
}

/** A name for the picture of an image, of letters that every file system takes. */
export function pictureName(image) {
  const stem = image.name.replace(/\.[^.]*$/, "");
  const plain = (text) => text.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|-+$/g, "");
  return `${[stem, image.explained].map(plain).filter(Boolean).join("-").slice(0, 120) || "image"}.png`;
}
