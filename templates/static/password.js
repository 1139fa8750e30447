// Lets a person look at the password they typed. The button is hidden until
// this script has run, so the page is complete without it.
(() => {
  "use strict";
  const field = document.getElementById("password");
  const toggle = document.querySelector("button[aria-controls=password]");
  if (!field || !toggle) {
    return;
  }

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
})();
