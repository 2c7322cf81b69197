// What outlives the page, in this browser. Where storage is off or full, nothing does.

/** @returns {string|null} */
export function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} value */
export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // it holds as long as the page
  }
}
