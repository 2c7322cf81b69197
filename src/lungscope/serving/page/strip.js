// The strip of images: all that are here, how far they are, and which one is looked at.

import { byId, element } from "./element.js";
import { counted, stateOf } from "./words.js";

const ENDING = 9;

/** A name of which the middle is left out where it is long: the ends tell files apart. */
function shortened(name) {
  const [begin, end] = [name.slice(0, -ENDING), name.slice(-ENDING)];
  return element(
    "span",
    { title: name },
    element("bdi", { class: "unseen" }, name),
    element("span", { class: "frame-name", "aria-hidden": "true" }, element("span", {}, begin), element("span", {}, end)),
  );
}

export class Strip {
  #collection;
  #frames = new Map();
  #due = false;

  constructor(collection) {
    this.#collection = collection;
    collection.addEventListener("added", ({ detail }) => this.#add(detail));
    collection.addEventListener("removed", ({ detail }) => this.#remove(detail));
    collection.addEventListener("changed", ({ detail }) => this.#update(detail));
    collection.addEventListener("selected", () => this.#select());
    byId("frames").addEventListener("keydown", (event) => this.#key(event));
  }

  #add(image) {
    const picture = element("img", { alt: "", class: "no-picture", src: "page/icon.svg" });
    const state = element("span", { class: "frame-state" });
    const button = element(
      "button",
      { type: "button", class: "frame", tabindex: -1, onclick: () => this.#collection.select(image) },
      element("span", { class: "frame-picture" }, picture),
      element(
        "span",
        { class: "frame-text" },
        shortened(image.name),
        state,
      ),
    );
    const remove = element(
      "button",
      {
        type: "button",
        class: "frame-remove quiet",
        tabindex: -1,
        "aria-label": `Remove ${image.name}`,
        title: "Remove (Delete)",
        onclick: () => this.#collection.remove(image),
      },
      "×",
    );
    const item = element("li", {}, button, remove);
    this.#frames.set(image, { item, button, picture, state });
    byId("frames").append(item);
    this.#update(image);
  }

  #remove(image) {
    this.#frames.get(image).item.remove();
    this.#frames.delete(image);
    this.#count();
  }

  #update(image) {
    const { item, picture, state } = this.#frames.get(image);
    const told = stateOf(image);
    if (state.textContent !== told) state.textContent = told;
    item.dataset.state = image.row?.abstained && image.state === "answered" ? "abstained" : image.state;
    if (image.thumbnail !== null && !picture.src.endsWith(image.thumbnail)) {
      picture.src = image.thumbnail;
      picture.className = "";
    }
    this.#count();
  }

  #select() {
    for (const [image, { button }] of this.#frames) {
      const here = image === this.#collection.selected;
      button.tabIndex = here ? 0 : -1;
      if (here) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      if (!here) continue;
      button.scrollIntoView({ block: "nearest", inline: "nearest" });
      if (byId("frames").contains(document.activeElement)) button.focus();
    }
  }

  /** Once a frame is enough: with many images every change would count them all. */
  #count() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      const images = this.#collection.images;
      const done = images.filter((image) => image.done).length;
      const left = images.length - done;
      byId("strip").hidden = images.length < 2;
      byId("progress").max = Math.max(images.length, 1);
      byId("progress").value = done;
      byId("progress").hidden = left === 0;
      byId("stop").hidden = left === 0;
      byId("again").hidden = left > 0 || !images.some((image) => image.mayGoOn);
      byId("progress-text").textContent =
        left === 0 ? counted(images.length, "image") : `${done} of ${images.length.toLocaleString("en")}`;
    });
  }

  #key(event) {
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, PageDown: 10, PageUp: -10 };
    const far = { Home: -Infinity, End: Infinity };
    if (event.key === "Delete") this.#collection.remove(this.#collection.selected);
    else if (event.key in steps) this.#collection.step(steps[event.key]);
    else if (event.key in far) this.#collection.step(far[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.#frames.get(this.#collection.selected)?.button.focus();
  }
}
