// Before the first paint: the theme that was chosen, or the system's. Kept apart since no inline script is allowed.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("signalbox.theme");
  } catch {
    // Storage is switched off: as the system has it.
  }
  var dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme =
    chosen === "light" || chosen === "dark" ? chosen : dark ? "dark" : "light";
})();
