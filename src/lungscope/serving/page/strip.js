// The strip of images: all that are here, the state of each, and which one is selected.

import { byId, element } from "./element.js";
import { shortened } from "./name.js";
import { stateOf } from "./words.js";

export class Strip {
  #collection;
  #frames = new Map();
  #leave;

  /** @param {() => void} leave puts the focus on what is there once the strip is not */
  constructor(collection, leave) {
    this.#collection = collection;
    this.#leave = leave;
    collection.addEventListener("added", ({ detail }) => this.#add(detail));
    collection.addEventListener("removed", ({ detail }) => this.#remove(detail));
    collection.addEventListener("changed", ({ detail }) => this.#update(detail));
    collection.addEventListener("selected", () => this.#select());
    collection.addEventListener("listed", () => this.#arrange());
    byId("frames").addEventListener("keydown", (event) => this.#key(event));
  }

  #add(image) {
    const thumbnail = element("img", { alt: "", class: "no-thumbnail", src: "page/icon.svg" });
    const state = element("span", { class: "frame-state" });
    const button = element(
      "button",
      { type: "button", class: "frame", tabindex: -1, onclick: () => this.#collection.select(image) },
      element("span", { class: "frame-thumbnail" }, thumbnail),
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
        onclick: () => this.#take(image),
      },
      "×",
    );
    const item = element("li", {}, button, remove);
    this.#frames.set(image, { item, button, thumbnail, state });
    byId("frames").append(item);
    this.#update(image);
  }

  #remove(image) {
    this.#frames.get(image).item.remove();
    this.#frames.delete(image);
  }

  #update(image) {
    const { item, thumbnail, state } = this.#frames.get(image);
    const text = stateOf(image);
    if (state.textContent !== text) state.textContent = text;
    item.dataset.state = image.row?.abstained && image.state === "answered" ? "abstained" : image.state;
    if (image.thumbnail !== null && !thumbnail.src.endsWith(image.thumbnail)) {
      thumbnail.src = image.thumbnail;
      thumbnail.className = "";
    }
  }

  /** Moves only what is not in its place: a frame that is moved loses the focus. */
  #arrange() {
    const listed = this.#collection.listed;
    const shown = new Set(listed);
    for (const [image, { item }] of this.#frames) item.hidden = !shown.has(image);
    const frames = byId("frames");
    let next = frames.firstElementChild;
    for (const image of listed) {
      const { item } = this.#frames.get(image);
      while (next?.hidden) next = next.nextElementSibling;
      if (item === next) next = next.nextElementSibling;
      else frames.insertBefore(item, next);
    }
    byId("unlisted").hidden = listed.length > 0 || this.#frames.size === 0;
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

  #key(event) {
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, PageDown: 10, PageUp: -10 };
    const far = { Home: -Infinity, End: Infinity };
    if (event.key === "Delete") this.#take(this.#collection.selected);
    else if (event.key in steps) this.#collection.step(steps[event.key]);
    else if (event.key in far) this.#collection.step(far[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key !== "Delete") this.#focus();
  }

  /** Takes an image off the page; of one image there is no strip. */
  #take(image) {
    this.#collection.remove(image);
    if (this.#frames.size < 2) this.#leave();
    else this.#focus();
  }

  #focus() {
    this.#frames.get(this.#collection.selected)?.button.focus();
  }
}
