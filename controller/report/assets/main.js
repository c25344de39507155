// Puts the page together once its data is unpacked.
async function start() {
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

start();
