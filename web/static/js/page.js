// The few things a page does by itself. Every page works without this file.
(() => {
  "use strict";
  const root = document.documentElement;

  const showTheme = () => {
    const dark = root.dataset.bsTheme
      ? root.dataset.bsTheme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.hidden = false;
      button.setAttribute("aria-pressed", String(dark));
    }
  };

  const toggleTheme = () => {
    const dark = getComputedStyle(root).colorScheme === "dark" ||
      (!root.dataset.bsTheme && matchMedia("(prefers-color-scheme: dark)").matches);
    root.dataset.bsTheme = dark ? "light" : "dark";
    try { localStorage.setItem("gw-theme", root.dataset.bsTheme); } catch { /* private window: for this page only */ }
    showTheme();
  };

  const say = (button, words) => {
    const label = button.querySelector("[data-label]") || button;
    const before = label.textContent;
    label.textContent = words;
    setTimeout(() => { label.textContent = before; }, 1600);
  };

  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      say(button, button.dataset.done);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(document.getElementById(button.dataset.source));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("themeToggle" in button.dataset) toggleTheme();
    if ("copy" in button.dataset) copy(button);
    if ("share" in button.dataset) navigator.share({ text: button.dataset.share }).catch(() => {});
    if ("print" in button.dataset) print();
  });

  // A money act is sent once, however often the button is pressed.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    const pressed = event.submitter;
    if (pressed) setTimeout(() => { pressed.disabled = true; }, 0);
  });
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button[disabled]:not([data-stays-disabled])")) button.disabled = false;
  });

  // A filter that is a choice answers at once.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-filter] select")) event.target.form.requestSubmit();
  });

  document.addEventListener("DOMContentLoaded", () => {
    showTheme();
    for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
    for (const button of document.querySelectorAll("[data-share]")) button.hidden = !navigator.share;
    for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
    const summary = document.querySelector("[data-focus]");
    if (summary) summary.focus();
  });
})();
