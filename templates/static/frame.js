// Tells the page around this one, if there is one, that a page is shown, and when a sign-in starts. Ring UI's Auth waits for
// these words: its hidden frame gives up waiting for a silent answer, and its dialog takes the size of this page.
(() => {
  "use strict";
  if (window.parent === window) {
    return;
  }
  // The words are no secret, and only origins of the service may put a frame around this page.
  const tell = (message) => window.parent.postMessage(message, "*");

  tell("HUB_AUTH_PAGE_OPENED");
  const measure = () => {
    // What is around the card counts too, or else the frame would get narrower with each page in it.
    tell({
      message: "HUB_AUTH_PAGE_LOGIN_DIMENSIONS",
      height: Math.ceil(document.documentElement.scrollHeight),
      width: Math.ceil(document.documentElement.scrollWidth),
    });
  };
  if (document.readyState === "complete") {
    measure();
  } else {
    window.addEventListener("load", measure);
  }
  document.querySelector("form")?.addEventListener("submit", () => tell("HUB_AUTH_PAGE_LOGIN_STARTED"));
})();
