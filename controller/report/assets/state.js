// What the reader looks at: a stretch of time, a filter, an op. It lives in the URL's hash, so that a
// link shows another reader the same: #filter=kind:info&t=12.3..14.1&op=12
const SHORTEST_VIEW_US = 10;

function createState(run) {
  const listeners = [];
  const state = {
    run,
    from: 0,
    to: run.end,
    filter: "",
    matches: matchesAll,
    selected: -1,
    onChange: (listener) => listeners.push(listener),
    changed(what) {
      for (const listener of listeners) listener(what);
      writeHash(state);
    },
    view(from, to) {
      const length = Math.min(Math.max(to - from, SHORTEST_VIEW_US), run.end);
      state.from = Math.round(Math.min(Math.max(from, 0), run.end - length));
      state.to = Math.min(Math.round(state.from + length), run.end);
      state.changed("view");
    },
    setFilter(text) {
      state.filter = text;
      state.matches = parseFilter(text);
      state.changed("filter");
    },
    select(position) {
      state.selected = position;
      if (position >= 0) bringIntoView(state, position);
      state.changed("selected");
    },
  };
  return state;
}

// Moves the view, and narrows it where the op would be too small to see.
function bringIntoView(state, position) {
  const { run } = state;
  const [from, to] = [run.start[position], endOf(run, position)];
  const length = Math.min(state.to - state.from, Math.max((to - from) * 60, run.end / 60));
  if (from < state.from || to > state.to || length < state.to - state.from) {
    const middle = (from + Math.min(to, from + length)) / 2;
    state.view(middle - length / 2, middle + length / 2);
  }
}

function writeHash(state) {
  const parts = [];
  if (state.filter) parts.push(`filter=${encodeURIComponent(state.filter).replaceAll("%3A", ":")}`);
  if (state.from > 0 || state.to < state.run.end) {
    parts.push(`t=${(state.from / 1e6).toFixed(6)}..${(state.to / 1e6).toFixed(6)}`);
  }
  if (state.selected >= 0) parts.push(`op=${state.run.index[state.selected]}`);
  // A plain anchor (#faults) stays as long as there is nothing else to say.
  if (parts.length > 0 || location.hash.includes("=")) {
    history.replaceState(null, "", `#${parts.join("&")}`);
  }
}

// Takes over what the hash says; a plain anchor says nothing.
function readHash(state) {
  const hash = location.hash.slice(1);
  if (!hash.includes("=")) return;
  const said = new URLSearchParams(hash);
  if (said.has("filter")) state.setFilter(said.get("filter"));
  if (said.has("t")) state.view(...parseRange(said.get("t")));
  if (said.has("op")) {
    const position = positionOf(state.run, Number(said.get("op")));
    state.select(position);
    if (position >= 0) document.getElementById("timeline").scrollIntoView();
  }
}
