// Building the page's elements. Text is always text: nothing here, or elsewhere, parses markup.

/**
 * An element with attributes and children.
 * @param {string} name of the element
 * @param {Object<string, string|number|boolean|null|EventListener>} attributes `null` and `false`
 *   leave one out, `true` sets it empty; names that begin with "on" are listeners
 * @param {...(Node|string|null)} children strings become text
 * @returns {HTMLElement}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== null && value !== false) made.setAttribute(key, String(value));
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** The element of this page with that id. */
export const byId = (id) => document.getElementById(id);
