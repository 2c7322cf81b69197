// The radiograph, large, with the heatmap and the outline of the lungs over it.

import { byId } from "./element.js";
import { Greys } from "./greys.js";
import { remember, remembered } from "./memory.js";
import { PanZoom } from "./pan_zoom.js";

const KEY = "lungscope.heatmap";
const INITIAL_OPACITY = 50; // bones stay visible below the greatest attribution

/** An `<img>` that shows one blob after the other and holds no address longer than it must. */
class Layer {
  #blob = null;

  constructor(image) {
    this.image = image;
  }

  show(blob) {
    if (blob === this.#blob) return;
    if (this.#blob !== null) URL.revokeObjectURL(this.image.src);
    this.#blob = blob;
    this.image.hidden = true; // until it is decoded: the one before must not be taken for it
    if (blob === null) this.image.removeAttribute("src");
    else this.image.src = URL.createObjectURL(blob);
  }
}

export class Viewer {
  #radiograph = new Layer(byId("radiograph"));
  #overlay = new Layer(byId("overlay"));
  #outline = new Layer(byId("lungs"));
  #panZoom;
  #greys = new Greys(byId("radiograph"), byId("stage"));
  #image = null;

  /**
   * The heatmap is off until it is asked for, so that it leads no eye; the choice is remembered.
   * @param {(image: object) => void} onUnshown called with an image that the browser cannot decode
   */
  constructor(onUnshown) {
    this.#panZoom = new PanZoom(byId("stage"), byId("layers"), (scale) => {
      byId("layers").style.setProperty("--zoom", String(scale));
      byId("zoom-value").value = `${scale.toFixed(1)}×`;
      byId("zoom-out").disabled = scale <= 1;
      byId("fit").disabled = scale <= 1;
    });
    const { image: radiograph } = this.#radiograph;
    radiograph.addEventListener("load", () => {
      radiograph.hidden = false;
      this.#panZoom.fitTo(radiograph.naturalWidth, radiograph.naturalHeight);
    });
    radiograph.addEventListener("error", () => {
      if (this.#image?.shown) onUnshown(this.#image);
    });
    for (const { image } of [this.#overlay, this.#outline]) {
      image.addEventListener("load", () => {
        image.hidden = false;
      });
    }
    byId("heatmap").addEventListener("click", () => this.toggleHeatmap());
    byId("opacity").addEventListener("input", () => this.#blend());
    byId("opacity").value = String(INITIAL_OPACITY); // browsers restore another one on reload
    byId("zoom-in").addEventListener("click", () => this.#panZoom.closer());
    byId("zoom-out").addEventListener("click", () => this.#panZoom.further());
    byId("fit").addEventListener("click", () => this.#panZoom.fit());
    this.#showHeatmap(remembered(KEY) === "on");
  }

  get panZoom() {
    return this.#panZoom;
  }

  get greys() {
    return this.#greys;
  }

  /** @param {object|null} the selected image, as far as it is known */
  show(image) {
    this.#image = image;
    const base = image === null ? null : image.shown ? image.file : image.preview || null;
    this.#radiograph.show(base);
    this.#radiograph.image.alt = image === null ? "" : `Radiograph ${image.name}`;
    for (const tool of ["invert", "window", "zoom-in"]) byId(tool).disabled = base === null;
    this.#overlay.show(image?.heatmap?.overlay ?? null);
    this.#outline.show(image?.heatmap?.outline ?? null);
    byId("heatmap").disabled = byId("opacity").disabled = !image?.heatmap && !isHeatmapExpected(image);
    const note = image !== null && base === null ? noteOf(image) : null;
    byId("stage-note").hidden = note === null;
    byId("stage-note").textContent = note ?? "";
  }

  toggleHeatmap() {
    this.switchHeatmap(byId("heatmap").getAttribute("aria-pressed") !== "true");
  }

  /** @param {boolean} on */
  switchHeatmap(on) {
    remember(KEY, on ? "on" : "off");
    this.#showHeatmap(on);
  }

  #showHeatmap(on) {
    byId("heatmap").setAttribute("aria-pressed", String(on));
    this.#blend();
  }

  /** @param {number} by percent points */
  changeOpacity(by) {
    byId("opacity").valueAsNumber += by;
    this.#blend();
  }

  #blend() {
    const on = byId("heatmap").getAttribute("aria-pressed") === "true";
    const percent = byId("opacity").valueAsNumber;
    byId("main").classList.toggle("heatmap-off", !on || percent === 0);
    byId("opacity-value").value = `${percent} %`;
    byId("layers").style.setProperty("--opacity", String(on ? percent / 100 : 0));
  }
}

/** Whether a heatmap is on its way, or soon will be: a slider that is disabled for a moment loses the focus. */
function isHeatmapExpected(image) {
  if (image === null || !image.done) return image !== null;
  if (image.state !== "answered" || image.unexplained !== null) return false;
  const unasked = image.row.abstained && image.explained === null;
  return !unasked && !image.heatmaps.has(image.explained);
}

function noteOf(image) {
  if (image.shown === null) return null; // for a moment
  if (image.preview === false || image.state === "failed" || image.state === "stopped") return "There is no preview of this file.";
  return "Browsers cannot show this file. A preview comes with the answer.";
}
