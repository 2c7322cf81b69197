// Which greys of the radiograph are seen: window and level, and whether they are inverted.

import { byId } from "./element.js";

/** In percent of all greys: from black to white. */
const ALL = { width: 100, level: 50 };

export class Greys {
  #image;
  #from = null; // where a drag began, and the window then

  /**
   * @param {HTMLImageElement} image whose greys they are
   * @param {HTMLElement} stage on which a drag with the right button changes width and level
   */
  constructor(image, stage) {
    this.#image = image;
    byId("invert").addEventListener("click", () => this.invert());
    byId("window").addEventListener("click", () => this.toggleWindow());
    byId("window-reset").addEventListener("click", () => this.#set(ALL));
    for (const id of ["width", "level"]) byId(id).addEventListener("input", () => this.#show());
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("pointerdown", (event) => this.#down(event, stage));
    stage.addEventListener("pointermove", (event) => this.#moved(event, stage));
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, () => {
        this.#from = null;
      });
    }
    this.#set(ALL); // browsers restore others on reload
  }

  invert() {
    byId("invert").setAttribute("aria-pressed", String(!this.#inverted));
    this.#show();
  }

  /** Shows the sliders of the window, or hides them. */
  toggleWindow() {
    const tools = byId("window-tools");
    tools.hidden = !tools.hidden;
    byId("window").setAttribute("aria-expanded", String(!tools.hidden));
  }

  get #inverted() {
    return byId("invert").getAttribute("aria-pressed") === "true";
  }

  get #window() {
    return { width: byId("width").valueAsNumber, level: byId("level").valueAsNumber };
  }

  #set({ width, level }) {
    byId("width").valueAsNumber = width; // within the slider's limits
    byId("level").valueAsNumber = level;
    this.#show();
  }

  #show() {
    const { width, level } = this.#window;
    const all = width === ALL.width && level === ALL.level;
    for (const each of byId("greys").querySelectorAll("feFuncR, feFuncG, feFuncB")) {
      each.setAttribute("slope", String(100 / width));
      each.setAttribute("intercept", String(0.5 - level / width));
    }
    const filters = [all ? "" : "url(#greys)", this.#inverted ? "invert(1)" : ""];
    this.#image.style.filter = filters.join(" ").trim();
    byId("width-value").value = `${width} %`;
    byId("level-value").value = `${level} %`;
    byId("window-reset").disabled = all;
  }

  #down(event, stage) {
    if (event.button !== 2) return;
    this.#from = { x: event.clientX, y: event.clientY, ...this.#window };
    stage.setPointerCapture(event.pointerId);
  }

  #moved({ clientX, clientY }, stage) {
    if (this.#from === null) return;
    const { x, y, width, level } = this.#from;
    this.#set({
      width: width + (100 * (clientX - x)) / stage.clientWidth,
      level: level + (100 * (clientY - y)) / stage.clientHeight,
    });
  }
}
