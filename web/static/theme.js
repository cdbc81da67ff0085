// Before the first paint: the theme that was chosen, if one was. Kept apart since no inline script is allowed.
try {
  var chosen = localStorage.getItem("signalbox.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is switched off: as the system has it.
}
