// How many images have which outcome.

/** "15 answered, 1 without an answer, 65 failed"; empty while nothing is done. */
export function tally(images) {
  const abstained = (image) => image.state === "answered" && image.row.abstained;
  const counts = {
    answered: (image) => image.state === "answered" && !image.row.abstained,
    "without an answer": abstained,
    failed: (image) => image.state === "failed",
    stopped: (image) => image.state === "stopped",
  };
  return Object.entries(counts)
    .map(([outcome, test]) => [images.filter(test).length, outcome])
    .filter(([count]) => count > 0)
    .map(([count, outcome]) => `${count.toLocaleString("en")} ${outcome}`)
    .join(", ");
}
