// The table of ops. Only the rows in sight exist; rows above and below are two spacers.
const ROWS_AROUND = 15;
const ROW_HEIGHT_GUESS_PX = 29;

function createOpsTable(state) {
  const table = {
    state,
    frame: document.getElementById("ops-rows"),
    body: document.querySelector("#ops-table tbody"),
    filter: document.getElementById("ops-filter"),
    rowHeight: ROW_HEIGHT_GUESS_PX,
    positions: [],
    shownFrom: -1,
  };
  const refilter = () => {
    const { run } = state;
    table.positions = Array.from({ length: run.count }, (_, i) => i).filter((i) => state.matches(run, i));
    if (document.activeElement !== table.filter) table.filter.value = state.filter;
    const all = run.count.toLocaleString("en");
    const shown = table.positions.length.toLocaleString("en");
    document.getElementById("ops-count").textContent = state.filter ? `${shown} of ${all} ops` : `${all} ops`;
    page.dataset.rows = table.positions.length;
    table.frame.scrollTop = 0;
    fillRows(table, true);
  };
  state.onChange((what) => {
    if (what === "filter") refilter();
    if (what === "selected") scrollToSelected(table);
  });
  table.filter.addEventListener("input", () => state.setFilter(table.filter.value));
  table.frame.addEventListener("scroll", () => fillRows(table, false));
  table.body.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-position]");
    if (row) state.select(Number(row.dataset.position));
  });
  refilter();
  return table;
}

function fillRows(table, anyway) {
  const { frame, body, positions, state } = table;
  const first = Math.floor(frame.scrollTop / table.rowHeight) - ROWS_AROUND;
  const from = Math.max(0, first - (first % 2));
  if (!anyway && from === table.shownFrom) return;
  table.shownFrom = from;
  const inSight = Math.ceil(frame.clientHeight / table.rowHeight) || 20;
  const shown = positions.slice(from, from + inSight + 2 * ROWS_AROUND);
  const rows = shown.map((position) => opRow(state, position));
  const below = positions.length - from - shown.length;
  body.replaceChildren(spacer(from * table.rowHeight), ...rows, spacer(below * table.rowHeight));
  const height = rows[1]?.getBoundingClientRect().height;
  if (height > 0) table.rowHeight = height;
}

function spacer(height) {
  const row = document.createElement("tr");
  row.className = "spacer";
  row.ariaHidden = "true";
  const cell = row.appendChild(document.createElement("td"));
  cell.colSpan = 9;
  cell.style.height = `${height}px`;
  return row;
}

function opRow(state, i) {
  const { run } = state;
  const kind = KINDS[run.kind[i]];
  const cells = [
    ["number", `#${run.index[i]}`],
    ["number", momentText(run.start[i])],
    ["number", durationText(run.duration[i])],
    ["", `p${run.process[i]}`],
    ["", run.f[i]],
    ["", run.key[i]],
    ["", run.value[i]],
    [`outcome-${kind}`, run.error[i] ? `${kind}: ${run.error[i]}` : kind],
    ["", run.node[i]],
  ];
  const row = document.createElement("tr");
  row.dataset.position = i;
  row.classList.toggle("anomalous", run.anomalous.has(i));
  row.classList.toggle("selected", i === state.selected);
  for (const [className, text] of cells) {
    const cell = row.appendChild(document.createElement("td"));
    cell.className = className;
    cell.textContent = text;
    if (text.length > 40) cell.title = text;
  }
  return row;
}

function scrollToSelected(table) {
  const at = table.positions.indexOf(table.state.selected);
  if (at >= 0) table.frame.scrollTop = Math.max(0, (at - 5) * table.rowHeight);
  fillRows(table, true);
}
