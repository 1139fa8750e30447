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
        words.textContent = button.dataset.copied;
      } catch {
        words.textContent = button.dataset.press;
        getSelection().selectAllChildren(button.parentElement.querySelector(".copy"));
      }
      setTimeout(() => (words.textContent = before), 4000);
    });
    button.hidden = false;
  }

  // What the server says about a redirect URI when the form is sent, for what is easy to get wrong.
  const fault = (uri, reasons) => {
    if (uri.startsWith("/")) {
      return "";
    }
    let parsed;
    try {
      parsed = new URL(uri);
    } catch {
      return reasons.noAddress;
    }
    const local = ["127.0.0.1", "[::1]", "localhost"].includes(parsed.hostname);
    if (/[\s*]/.test(uri)) {
      return reasons.blank;
    }
    if (uri.includes("#")) {
      return reasons.fragment;
    }
    if (parsed.username || parsed.password) {
      return reasons.user;
    }
    return parsed.protocol === "http:" && !local ? reasons.http : "";
  };

  for (const field of document.querySelectorAll("textarea[data-redirect-uris]")) {
    const says = document.createElement("p");
    says.className = "check-result";
    says.setAttribute("role", "status");
    document.getElementById("redirectUris-help").after(says);
    const check = () => {
      const lines = field.value.split("\n").map((line) => line.trim()).filter(Boolean);
      const wrong = lines.map((line) => [line, fault(line, field.dataset)]).find(([, reason]) => reason);
      says.textContent = wrong ? `${wrong[0]} ${wrong[1]}.` : "";
    };
    field.addEventListener("input", check);
  }
})();
