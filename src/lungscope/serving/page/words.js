// Numbers and answers as text.

/**
 * A probability as percent: three digits at most, but never 0 or 100 %, as no model is certain.
 * @param {number} probability in [0, 1]
 */
export function percent(probability) {
  if (probability < 0.001) return "<\u00a00.1\u00a0%";
  if (probability > 0.999) return ">\u00a099.9\u00a0%";
  return `${(100 * probability).toFixed(1)}\u00a0%`;
}

/** @param {number} bytes of a file */
export function fileSize(bytes) {
  const mega = bytes / 2 ** 20;
  return mega < 0.1 ? `${Math.ceil(bytes / 1024)} KB` : `${mega.toFixed(mega < 10 ? 1 : 0)} MB`;
}

/** "1 image", "12 images", "2,000 images". */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** A sentence out of a reason that begins small and has no full stop. */
export function sentence(reason) {
  const text = reason.trim();
  const begun = text.charAt(0).toLocaleUpperCase("en") + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

/** Whether the model abstains by its probabilities alone; the image itself is like the training images. */
export function isUnsure(row) {
  return row.abstention === "low-confidence" || row.abstention === "kind-unclear";
}

const WARNINGS = {
  mirrored: "Left and right seem to be exchanged: a mirrored file, or dextrocardia",
  rescaled: "It uses less than a quarter of the range that its file states, and was read as of fewer bits",
};

/** Sentences for the warnings of a row; a code that this page does not know is shown as it is. */
export function warningsOf(row) {
  return (row.warnings ?? []).map((code) => sentence(WARNINGS[code] ?? code));
}

/** The state of a radiograph in a few words, for the strip of images. */
export function stateOf(image) {
  switch (image.state) {
    case "waiting":
      return "Waiting";
    case "sending":
      return image.note ?? "Classifying …";
    case "stopped":
      return "Stopped";
    case "failed":
      return image.problem.title;
    default:
      if (image.row.abstention === "kind-unclear") return "Abnormal, kind unclear";
      if (isUnsure(image.row)) return "No answer, low confidence";
      return image.row.abstained
        ? "No answer"
        : `${image.row.predicted}, ${percent(image.row.probabilities[image.row.predicted])}`;
  }
}
