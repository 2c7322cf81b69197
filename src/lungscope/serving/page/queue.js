// Work on many images, a few at once, that can be stopped.

const AT_ONCE = 3;

export class Queue {
  #work;
  #waiting = [];
  #running = new Map();

  /** @param {(image: object, signal: AbortSignal) => Promise<void>} work that never throws */
  constructor(work) {
    this.#work = work;
  }

  push(images) {
    this.#waiting.push(...images);
    this.#next();
  }

  /** Takes an image out, also in mid-work. */
  drop(image) {
    this.#waiting = this.#waiting.filter((other) => other !== image);
    this.#running.get(image)?.abort();
  }

  /** Stops everything. @returns the images that were still waiting */
  stop() {
    const waiting = this.#waiting.splice(0);
    for (const controller of this.#running.values()) controller.abort();
    return waiting;
  }

  #next() {
    while (this.#running.size < AT_ONCE && this.#waiting.length > 0) {
      const image = this.#waiting.shift();
      const controller = new AbortController();
      this.#running.set(image, controller);
      this.#work(image, controller.signal).finally(() => {
        this.#running.delete(image);
        this.#next();
      });
    }
  }
}
