// Requests to the service: its addresses, the token, and retries while it is busy.

import { Problem } from "./problem.js";
import { fileSize } from "./words.js";

const TOKEN = "lungscope.token";
const TRIES = 5;
const LONGEST_WAIT = 30;

export class Service {
  #askForToken;
  #asking = null;

  /**
   * @param {(refused: boolean) => Promise<string|null>} askForToken asks the person for the token;
   *   `refused` where the one that was given is wrong; null where none is given
   */
  constructor(askForToken) {
    this.#askForToken = askForToken;
  }

  /**
   * The model's facts.
   * @param {(seconds: number) => void} onWait called before each wait for a busy service
   */
  async model(onWait) {
    const response = await this.#patiently("v1/model", {}, onWait);
    return response.json();
  }

  /**
   * The answer for one file.
   * @param {File} file
   * @param {{explain: boolean, label: string|null, preview: boolean}} wanted `label` is the class
   *   that is explained; null for the most probable one
   * @param {AbortSignal} signal
   * @param {(seconds: number, again: number, tries: number) => void} onWait as for `model`
   * @returns {Promise<{row: object, result: string|null}>} a row, as `lungscope predict --json`
   *   writes it, and the request's ID, which the service's audit log has, too
   * @throws {Problem} also for a file that cannot be read
   */
  async predict(file, wanted, signal, onWait) {
    const query = new URLSearchParams();
    if (wanted.explain) query.set("explain", "true");
    if (wanted.explain && wanted.label !== null) query.set("class", wanted.label);
    if (wanted.preview) query.set("preview", "true");
    const body = new FormData();
    body.append("file", file, file.name);
    const request = { method: "POST", body, signal };
    const asked = query.toString();
    const address = asked ? `v1/predictions?${asked}` : "v1/predictions";
    let response;
    try {
      response = await this.#patiently(address, request, onWait);
    } catch (problem) {
      if (problem.status === 0) throw await this.#unreached(file);
      if (problem instanceof Problem) problem.detail = withName(problem.detail, file.name);
      throw problem;
    }
    const row = (await response.json()).predictions[0];
    if (row.error !== null) throw new Problem(400, withName(row.error, file.name));
    return { row, result: response.headers.get("X-Request-ID") };
  }

  /** Retries while the service is busy, after as long as it says; asks for the token where needed. */
  async #patiently(address, request, onWait) {
    for (let tried = 1; ; ) {
      const token = sessionStorage.getItem(TOKEN);
      const response = await this.#fetch(address, request, token);
      if (response.ok) return response;
      const problem = await Problem.of(response);
      request.signal?.throwIfAborted(); // or who has given up would be asked for the token again
      if (problem.status === 401) {
        // null where the person gives up
        if ((await this.#tokenOtherThan(token)) === null) throw problem;
      } else if ((problem.status === 429 || problem.status === 503) && tried < TRIES) {
        const seconds = waitOf(response, tried);
        tried += 1;
        onWait(seconds, tried, TRIES);
        await pause(seconds, request.signal);
      } else {
        throw problem;
      }
    }
  }

  async #fetch(address, request, token) {
    const headers = { Accept: "application/json" };
    if (token !== null) headers.Authorization = `Bearer ${token}`;
    try {
      return await fetch(new URL(address, document.baseURI), {
        ...request,
        headers,
        cache: "no-store",
        credentials: "same-origin",
        redirect: "error",
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, "The service cannot be reached. Is it still running?");
    }
  }

  /** Many requests may be refused at once; the person is asked once for all of them. */
  async #tokenOtherThan(refused) {
    const now = sessionStorage.getItem(TOKEN);
    if (now !== refused) return now;
    this.#asking ??= this.#askForToken(refused !== null).finally(() => {
      this.#asking = null;
    });
    const given = await this.#asking;
    if (given !== null) sessionStorage.setItem(TOKEN, given);
    return given;
  }

  /** A service that refuses a large file may hang up before it was sent whole. */
  async #unreached(file) {
    const alive = await fetch(new URL("healthz", document.baseURI), { cache: "no-store" }).then(
      (response) => response.ok,
      () => false,
    );
    const detail = alive
      ? `The service broke off while this file (${fileSize(file.size)}) was sent; it may be too large, or have changed on disk.`
      : "The service cannot be reached. Is it still running?";
    return new Problem(0, detail);
  }
}

/** A form escapes some characters of a file's name, such as "%22"; the service repeats them so. */
function withName(text, name) {
  const sent = name.replace(/["\r\n]/g, encodeURIComponent);
  return text.replaceAll(sent, () => name);
}

/** Seconds that the service asks to wait, or twice as many every time where it does not say. */
function waitOf(response, tried) {
  const said = response.headers.get("Retry-After");
  const seconds = said === null ? NaN : Number(said);
  const until = said === null ? NaN : (Date.parse(said) - Date.now()) / 1000;
  const wanted = [seconds, until].find(Number.isFinite) ?? 2 ** tried;
  return Math.min(Math.max(wanted, 0.2), LONGEST_WAIT);
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stopped = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stopped);
      resolve();
    }, 1000 * seconds);
    signal?.addEventListener("abort", stopped, { once: true });
    if (signal?.aborted) stopped();
  });
}
