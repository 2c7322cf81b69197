// The name of an image, short enough for where it stands.

import { element } from "./element.js";

const ENDING = 9;

/** A name of which the middle is left out where it is long: the ends distinguish files. */
export function shortened(name) {
  const [begin, end] = [name.slice(0, -ENDING), name.slice(-ENDING)];
  return element(
    "span",
    { class: "name", title: name },
    element("bdi", { class: "unseen file-name" }, name),
    element("span", { class: "short-name", "aria-hidden": "true" }, element("span", {}, begin), element("span", {}, end)),
  );
}
