// What can go wrong between the page and the service, in plain words.

const TITLES = {
  400: "Could not be read",
  401: "A token is needed",
  403: "Not allowed",
  404: "Not found",
  408: "Took too long",
  413: "Too large",
  415: "Not a supported image",
  422: "Invalid request",
  429: "The service is busy",
  503: "The service is busy",
  504: "Took too long",
};

/** Kinds of problems that their status does not tell apart. */
const KINDS = {
  "urn:lungscope:problem:unwanted-image": "Not accepted",
};

/** Details that the service words for programs, in words for a person. */
const FOR_PEOPLE = {
  401: "The service requires a token; ask whoever runs it. Try again to enter it.",
};

/** Problems that may be gone at the next attempt; others need another file or a person. */
const PASSING = new Set([0, 401, 408, 429, 500, 502, 503, 504]);

export class Problem extends Error {
  /**
   * @param {number} status of HTTP; 0 where no answer came
   * @param {string} detail what is wrong and what to do
   * @param {string|null} requestId by which the service's log names the request
   * @param {string|null} kind that the service names
   */
  constructor(status, detail, requestId = null, kind = null) {
    super(detail);
    this.status = status;
    this.detail = detail;
    this.requestId = requestId;
    this.title = status === 0 ? "No connection" : (KINDS[kind] ?? TITLES[status] ?? "The service failed");
  }

  get passing() {
    return PASSING.has(this.status);
  }

  /** Reads problem details (RFC 9457), or whatever a proxy in between answered. */
  static async of(response) {
    const said = await response.json().catch(() => ({}));
    const text = typeof said?.detail === "string" && said.detail ? said.detail : `The service answered with status ${response.status}.`;
    const detail = FOR_PEOPLE[response.status] ?? text;
    const id = typeof said?.request_id === "string" ? said.request_id : null;
    return new Problem(response.status, detail, id, said?.type ?? null);
  }
}
