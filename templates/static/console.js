// Makes the pages for people who are signed in a little more comfortable. Each
// of them is complete without this script.
(() => {
  "use strict";

  // Times are written in UTC; here the person's own zone is known.
  const near = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) {
      time.title = time.textContent;
      time.textContent = near.format(at);
    }
  }

  for (const button of document.querySelectorAll("button[data-copy]")) {
    const words = button.querySelector("span");
    const before = words.textContent;
    button.addEventListener("click", async () => {
      const text = button.parentElement.querySelector(".copy").textContent;
      try {
        await navigator.clipboard.writeText(text);
        words.textContent = "Copied";
      } catch {
        words.textContent = "Press Ctrl+C";
        getSelection().selectAllChildren(button.parentElement.querySelector(".copy"));
      }
      setTimeout(() => (words.textContent = before), 4000);
    });
    button.hidden = false;
  }
})();
