// Before anything is drawn: the colours and the language that were chosen here, so that nothing flashes.
(() => {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  const chosen = new URLSearchParams(location.search).get("lang") || localStorage.getItem("language");
  const language = chosen || (navigator.language || "en").slice(0, 2);
  document.documentElement.lang = language === "ja" ? "ja" : "en";
})();
