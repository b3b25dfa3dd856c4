// Loaded before the first paint so that the remembered theme never flashes; everything else is
// delegated from the document, so it also serves what htmx swaps in. Pages work without it.
(() => {
  "use strict";
  const root = document.documentElement;
  const systemDark = matchMedia("(prefers-color-scheme: dark)");

  const remembered = () => {
    try { return localStorage.getItem("theme"); } catch { return null; }
  };
  const applyTheme = () => {
    root.dataset.bsTheme = remembered() ?? (systemDark.matches ? "dark" : "light");
  };
  const toggleTheme = () => {
    const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", theme); } catch { /* private mode: for this page only */ }
    root.dataset.bsTheme = theme;
  };
  applyTheme();
  systemDark.addEventListener("change", applyTheme);

  const copy = async (button) => {
    await navigator.clipboard.writeText(button.dataset.copy);
    const label = button.getAttribute("aria-label");
    button.classList.add("copied");
    button.setAttribute("aria-label", "Copied");
    setTimeout(() => {
      button.classList.remove("copied");
      button.setAttribute("aria-label", label);
    }, 1500);
  };

  const followRow = (event) => {
    const row = event.target.closest(".row-clickable");
    if (!row || event.target.closest("a, button, input, select, label, summary")) return;
    if (String(getSelection())) return;
    const link = row.querySelector("a.row-link");
    if (!link) return;
    if (event.metaKey || event.ctrlKey) window.open(link.href, "_blank", "noopener");
    else link.click();
  };

  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except) menu.open = false;
    }
  };

  document.addEventListener("click", (event) => {
    closeMenus(event.target.closest("details.menu"));
    if (event.target.closest("[data-theme-toggle]")) toggleTheme();
    const copyButton = event.target.closest("[data-copy]");
    if (copyButton) copy(copyButton).catch(() => {});
    followRow(event);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest?.("details.menu[open]");
    closeMenus();
    menu?.querySelector("summary").focus();
  });
})();
