// Answers as files: JSON and CSV of all images, as `lungscope predict` writes them, and images.

/** Cells that a spreadsheet would take for a formula (OWASP, "CSV injection"). */
const FORMULA = /^[=+\-@\t\r]/;

/** Without it, Excel reads UTF-8 as the system's old code page. */
const BYTE_ORDER_MARK = "\ufeff";

/** One row an image; one that has no answer has its name and why. */
export function rows(images) {
  return images.map((image) =>
    image.state === "answered" ? { ...image.row, file: image.name } : { file: image.name, error: whyNone(image) },
  );
}

function whyNone(image) {
  if (image.state === "failed") return image.problem.detail;
  return image.state === "stopped" ? "not classified: stopped" : "not classified yet";
}

/** @param {Date} when it is saved */
export function asJson(images, disclaimer, when) {
  const content = { predictions: rows(images), disclaimer, saved: when.toISOString() };
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** "lungscope-2026-11-22-1901.csv", by the clock on the wall. */
export function answersName(when, ending, what = "lungscope") {
  const two = (number) => String(number).padStart(2, "0");
  const day = [when.getFullYear(), when.getMonth() + 1, when.getDate()].map(two).join("-");
  return `${what}-${day}-${two(when.getHours())}${two(when.getMinutes())}.${ending}`;
}

/** The columns are those of `lungscope predict --csv`, for the service's rows have their order. */
export function asCsv(images) {
  const flat = rows(images).map(flattened);
  const widest = flat.reduce((a, b) => (Object.keys(b).length > Object.keys(a).length ? b : a), {});
  const columns = [...new Set([...Object.keys(widest), ...flat.flatMap(Object.keys)])];
  const lines = [columns, ...flat.map((row) => columns.map((name) => row[name]))];
  return csv(lines);
}

/** @param {Array<Array>} lines of cells, the header first */
export function csv(lines) {
  return BYTE_ORDER_MARK + lines.map((cells) => `${cells.map(cell).join(",")}\n`).join("");
}

function flattened({ probabilities = {}, ...row }) {
  const named = Object.entries(probabilities).map(([name, p]) => [`probability:${name}`, p]);
  const { file, error, predicted, ...others } = row;
  const answered = predicted === undefined ? {} : { predicted };
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

/** A name for the PNG of an image, of characters that every file system accepts. */
export function imageName(image) {
  const stem = image.name.replace(/\.[^.]*$/, "");
  const plain = (text) => text.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|-+$/g, "");
  return `${[stem, image.explained].map(plain).filter(Boolean).join("-").slice(0, 120) || "image"}.png`;
}
