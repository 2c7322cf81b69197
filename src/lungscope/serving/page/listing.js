// Which images the strip lists, and in which order.

import { byId, element } from "./element.js";

const FIXED = {
  all: { name: "All images", test: () => true },
  "no-answer": { name: "No answer", test: (image) => image.state === "answered" && image.row.abstained },
  failed: { name: "Failed", test: (image) => image.state === "failed" || image.state === "stopped" },
};

/** The probability of the class that is named; below all others where there is none. */
const confidence = ({ state, row }) => (state === "answered" && !row.abstained ? row.probabilities[row.predicted] : -1);

const ORDERS = {
  added: () => 0,
  "most-probable": (a, b) => confidence(b) - confidence(a),
  "least-probable": (a, b) => confidence(a) - confidence(b),
  name: (a, b) => a.name.localeCompare(b.name, "en", { numeric: true }),
};

/** Milliseconds between arrangements: with many images, each answer would sort them all. */
const PAUSE = 100;

export class Listing {
  #collection;
  #due = 0;

  constructor(collection) {
    this.#collection = collection;
    for (const what of ["added", "removed", "changed"]) collection.addEventListener(what, () => this.#soon());
    byId("filter").addEventListener("change", () => this.#arrange());
    byId("order").addEventListener("change", () => this.#arrange());
  }

  #soon() {
    if (this.#due !== 0) return;
    this.#due = setTimeout(() => {
      this.#due = 0;
      this.#offer();
      this.#arrange();
    }, PAUSE);
  }

  /** Offers the classes that are named by now; what was chosen stays. */
  #offer() {
    const named = this.#collection.images.filter(({ state, row }) => state === "answered" && !row.abstained);
    const classes = [...new Set(named.map(({ row }) => row.predicted))].sort();
    const filter = byId("filter");
    const chosen = filter.value;
    const offered = [...filter.options].filter(({ value }) => value.startsWith("is:")).map(({ text }) => text);
    if (offered.join("\n") === classes.join("\n")) return;
    const option = (value, name) => element("option", { value }, name);
    filter.replaceChildren(
      ...Object.entries(FIXED).map(([value, { name }]) => option(value, name)),
      ...classes.map((name) => option(`is:${name}`, name)),
    );
    filter.value = chosen;
    if (filter.selectedIndex < 0) filter.value = "all"; // no image has that class any more
  }

  #arrange() {
    const { value } = byId("filter");
    const test = FIXED[value]?.test ?? ((image) => image.state === "answered" && image.row.predicted === value.slice("is:".length));
    this.#collection.list(this.#collection.images.filter(test).sort(ORDERS[byId("order").value]));
  }
}
