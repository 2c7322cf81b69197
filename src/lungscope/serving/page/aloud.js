// What is said aloud, by way of the page's live region.

import { byId } from "./element.js";

/** Milliseconds until a run through many images counts as over. */
const PAUSE = 350;

export class Aloud {
  #later = 0;

  say(text) {
    byId("announcements").textContent = text;
  }

  /**
   * Says what holds once nothing newer is to be said.
   * @param {() => string|null} telling null where it is moot by then
   */
  afterwards(telling) {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => {
      const text = telling();
      if (text !== null) this.say(text);
    }, PAUSE);
  }
}
