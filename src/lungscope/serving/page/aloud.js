// Announcements to screen readers, through the page's live region.

import { byId } from "./element.js";

/** Milliseconds until a run through many images counts as over. */
const PAUSE = 350;

export class Aloud {
  #later = 0;

  say(text) {
    byId("announcements").textContent = text;
  }

  /**
   * Announces what holds once nothing newer is to be announced.
   * @param {() => string|null} text null where it no longer applies
   */
  afterwards(text) {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => {
      const now = text();
      if (now !== null) this.say(now);
    }, PAUSE);
  }
}
