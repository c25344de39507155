// Puts the page together once its data is unpacked.
async function start() {
  if (!document.getElementById("run-data")) return showNothing();
  const run = await readRun();
  const state = createState(run);
  const showCursor = linkPlots(state);
  const timeline = createTimeline(state, showCursor);
  createOpsTable(state);
  listenToKeys(state);
  readHash(state);
  addEventListener("hashchange", () => readHash(state));
  page.dataset.ops = run.count;
  page.dataset.drawn = timeline.drawn;
}

// Nothing was recorded; the page says so without our help.
function showNothing() {
  page.dataset.ops = page.dataset.drawn = page.dataset.rows = 0;
}

start();
