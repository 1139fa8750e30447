// Lets people look at the passwords they typed. The buttons are hidden until
// this script has run, so the page is complete without it.
(() => {
  "use strict";
  for (const toggle of document.querySelectorAll(".reveal button[aria-controls]")) {
    const field = document.getElementById(toggle.getAttribute("aria-controls"));
    const show = (shown) => {
      field.type = shown ? "text" : "password";
      toggle.setAttribute("aria-pressed", String(shown));
    };

    toggle.addEventListener("click", () => show(field.type === "password"));

    // Browsers remember what text fields held, and may draw this page again from
    // memory when the person comes back to it.
    field.form.addEventListener("submit", () => show(false));
    window.addEventListener("pagehide", () => show(false));

    toggle.hidden = false;
  }
})();
