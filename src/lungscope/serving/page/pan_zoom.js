// Zooming and moving the radiograph on its stage: by wheel, by drag, by pinch and by calls.

const CLOSEST = 16;
const STEP = 1.25;

export class PanZoom {
  #stage;
  #layers;
  #onScale;
  #natural = { width: 0, height: 0 };
  #scale = 1;
  #x = 0;
  #y = 0;
  #pointers = new Map();

  /**
   * @param {HTMLElement} stage that the layers fill as far as they can
   * @param {HTMLElement} layers that are moved together
   * @param {(scale: number) => void} onScale called at every change; 1 is the whole radiograph
   */
  constructor(stage, layers, onScale) {
    this.#stage = stage;
    this.#layers = layers;
    this.#onScale = onScale;
    new ResizeObserver(() => this.#place()).observe(stage);
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    stage.addEventListener("dblclick", (event) => this.#doubled(event));
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#moved(event));
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, (event) => this.#up(event));
    }
  }

  /** The whole radiograph is shown, of that many pixels. */
  fitTo(width, height) {
    this.#natural = { width, height };
    this.fit();
  }

  fit() {
    this.#scale = 1;
    this.#x = this.#y = 0;
    this.#place();
  }

  closer() {
    this.#zoom(STEP);
  }

  further() {
    this.#zoom(1 / STEP);
  }

  /** Moves by proportions of the stage. */
  move(right, down) {
    const { width, height } = this.#stage.getBoundingClientRect();
    this.#x += right * width;
    this.#y += down * height;
    this.#place();
  }

  /** Zooms so that what is at the point, from the stage's middle, stays there. */
  #zoom(factor, point = { x: 0, y: 0 }) {
    const scale = Math.min(Math.max(this.#scale * factor, 1), CLOSEST);
    const real = scale / this.#scale;
    this.#x = point.x - (point.x - this.#x) * real;
    this.#y = point.y - (point.y - this.#y) * real;
    this.#scale = scale;
    this.#place();
  }

  #place() {
    const { width, height } = this.#natural;
    const fit = Math.min(this.#stage.clientWidth / width, this.#stage.clientHeight / height) || 0;
    const fitted = { width: width * fit, height: height * fit };
    const far = { x: (fitted.width * (this.#scale - 1)) / 2, y: (fitted.height * (this.#scale - 1)) / 2 };
    this.#x = Math.min(Math.max(this.#x, -far.x), far.x);
    this.#y = Math.min(Math.max(this.#y, -far.y), far.y);
    this.#layers.style.width = `${fitted.width}px`;
    this.#layers.style.height = `${fitted.height}px`;
    this.#layers.style.transform = `translate(${this.#x}px, ${this.#y}px) scale(${this.#scale})`;
    this.#stage.classList.toggle("zoomed", this.#scale > 1);
    this.#onScale(this.#scale);
  }

  #fromMiddle({ clientX, clientY }) {
    const box = this.#stage.getBoundingClientRect();
    return { x: clientX - box.left - box.width / 2, y: clientY - box.top - box.height / 2 };
  }

  #wheel(event) {
    const root = document.documentElement;
    const pageScrolls = root.scrollHeight > root.clientHeight + 1;
    if (pageScrolls && this.#scale === 1 && !event.ctrlKey) return; // the page's wheel, then
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    const turned = Math.min(Math.max(event.deltaY * lines, -200), 200);
    this.#zoom(Math.exp(-turned / 400), this.#fromMiddle(event));
  }

  #doubled(event) {
    if (this.#scale > 1) this.fit();
    else this.#zoom(3, this.#fromMiddle(event));
  }

  #down(event) {
    if (event.button !== 0) return;
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.#stage.setPointerCapture(event.pointerId);
  }

  #moved(event) {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = { x: event.clientX, y: event.clientY };
    if (this.#pointers.size === 2) {
      const [other] = [...this.#pointers].filter(([id]) => id !== event.pointerId);
      const span = (a, b) => Math.max(Math.hypot(a.x - b.x, a.y - b.y), 1);
      const middle = { clientX: (now.x + other[1].x) / 2, clientY: (now.y + other[1].y) / 2 };
      this.#zoom(span(now, other[1]) / span(before, other[1]), this.#fromMiddle(middle));
    }
    const weight = 1 / this.#pointers.size;
    this.#x += (now.x - before.x) * weight;
    this.#y += (now.y - before.y) * weight;
    this.#pointers.set(event.pointerId, now);
    this.#place();
  }

  #up(event) {
    this.#pointers.delete(event.pointerId);
  }
}
