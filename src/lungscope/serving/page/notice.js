// A notice that stays on the page until it is dismissed.

import { byId } from "./element.js";

export class Notice {
  #say;

  /**
   * @param {(text: string) => void} say announces it too
   * @param {() => void} leave puts the focus on what is there once the notice is gone
   */
  constructor(say, leave) {
    this.#say = say;
    byId("notice-dismiss").addEventListener("click", () => {
      byId("notice").hidden = true;
      leave();
    });
  }

  /** @param {string} text instead of the one before */
  show(text) {
    byId("notice-text").textContent = text;
    byId("notice").hidden = false;
    this.#say(text);
  }
}
