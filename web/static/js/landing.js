// What a landing page does by itself. It works without this file: codes can be selected, consent is a plain form.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  if (/(^|;\s*)gw_consent=[01]/.test(document.cookie)) root.classList.add("answered");

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        const label = button.querySelector("[data-label]");
        const before = label.textContent;
        label.textContent = button.dataset.done;
        setTimeout(() => { label.textContent = before; }, 1600);
      } catch {
        const range = document.createRange();
        range.selectNodeContents(document.getElementById("code"));
        getSelection().removeAllRanges();
        getSelection().addRange(range);
      }
    });
  }
})();
