// The theme: the system's, unless another choice is stored. A classic script, so that it runs
// before the first paint and a light page never flashes dark.
(() => {
  const KEY = "lungscope.theme";
  const systemIsLight = window.matchMedia("(prefers-color-scheme: light)");
  const ofSystem = () => (systemIsLight.matches ? "light" : "dark");
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

  const wanted = () => (["light", "dark"].includes(remembered()) ? remembered() : ofSystem());
  show(wanted());
  document.addEventListener("DOMContentLoaded", () => {
    const current = () => document.documentElement.dataset.theme;
    show(current());
    systemIsLight.addEventListener("change", () => show(wanted()));
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
