// Anything that goes wrong in this script is on record in the page itself, where a test can see it.
const page = document.documentElement;
page.classList.add("script");
page.dataset.errors = "";

function recordError(message) {
  page.dataset.errors += `${message}\n`;
}

addEventListener("error", (event) => recordError(event.message));
addEventListener("unhandledrejection", (event) => recordError(String(event.reason)));
document.addEventListener("securitypolicyviolation", (event) =>
  recordError(`${event.violatedDirective}: ${event.blockedURI}`),
);
