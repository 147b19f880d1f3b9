// Before the page is drawn: the theme that was chosen here, if any. Without a choice the system's holds.
try {
  const chosen = localStorage.getItem("gw-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.bsTheme = chosen;
} catch { /* private window */ }
