// The theme: dark, as a reading room is, unless another choice is stored. A classic script,
// so that it runs before the first paint and a light page never flashes dark.
(() => {
  const KEY = "lungscope.theme";
  const remembered = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is off: the choice lasts as long as the page
    }
  };
  const show = (theme) => {
    document.documentElement.dataset.theme = theme;
    document.querySelector("#switch-theme")?.setAttribute("aria-pressed", String(theme === "light"));
  };

  show(remembered() === "light" ? "light" : "dark");
  document.addEventListener("DOMContentLoaded", () => {
    const current = () => document.documentElement.dataset.theme;
    show(current());
    document.querySelector("#switch-theme").addEventListener("click", () => {
      const theme = current() === "light" ? "dark" : "light";
      show(theme);
      try {
        localStorage.setItem(KEY, theme);
      } catch {
        // as above
      }
    });
  });
})();
