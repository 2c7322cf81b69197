// The model's facts, asked for until they are known.

import { showModel, showModelWaits, showNoModel } from "./dialogs.js";

export class AboutModel {
  #service;
  #onModel;
  #state = "unknown";

  /** @param {(model: object) => void} onModel called once with the facts */
  constructor(service, onModel) {
    this.#service = service;
    this.#onModel = onModel;
  }

  /** Does nothing where they are known or under way, so that it may be called at every chance. */
  async load() {
    if (this.#state !== "unknown") return;
    this.#state = "loading";
    try {
      const model = await this.#service.model(showModelWaits);
      this.#state = "known";
      showModel(model);
      this.#onModel(model);
    } catch (problem) {
      this.#state = "unknown";
      showNoModel(problem, () => this.load());
    }
  }
}
