// The keyboard. A field that takes text keeps its keys, but for Escape.
function listenToKeys(state) {
  const filter = document.getElementById("ops-filter");
  const actions = {
    "/": () => filter.focus(),
    "+": () => zoom(state, 0.5),
    "=": () => zoom(state, 0.5),
    "-": () => zoom(state, 2),
    0: () => state.view(0, state.run.end),
    n: () => stepThroughAnomaly(state, 1),
    p: () => stepThroughAnomaly(state, -1),
    j: () => stepThroughLane(state, 1),
    k: () => stepThroughLane(state, -1),
  };
  const onCanvas = {
    ArrowLeft: () => pan(state, -0.2),
    ArrowRight: () => pan(state, 0.2),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") return clear(state, filter);
    if (event.target.closest("input, textarea, select")) return;
    const isCanvas = event.target.id === "timeline-canvas";
    const action = actions[event.key] ?? (isCanvas ? onCanvas[event.key] : undefined);
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function clear(state, filter) {
  filter.blur();
  if (state.filter) state.setFilter("");
  if (state.selected >= 0) state.select(-1);
}
