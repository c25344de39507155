// Filters the table of runs by any text in its rows.
const runsFilter = document.getElementById("runs-filter");

function filterRuns() {
  const words = runsFilter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...document.querySelectorAll("#runs-table tbody tr")];
  let shown = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    shown += row.hidden ? 0 : 1;
  }
  page.dataset.rows = shown;
  document.getElementById("runs-count").textContent =
    words.length > 0 ? `${shown} of ${rows.length} runs` : `${rows.length} runs`;
  const hash = runsFilter.value ? `#filter=${encodeURIComponent(runsFilter.value)}` : "";
  if (hash !== "" || location.hash.includes("=")) history.replaceState(null, "", hash || "#");
}

if (runsFilter) {
  const said = new URLSearchParams(location.hash.slice(1));
  runsFilter.value = said.get("filter") ?? "";
  runsFilter.addEventListener("input", filterRuns);
  filterRuns();
}
