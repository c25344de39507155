// The timeline's behaviour: what pointer and buttons do, the tooltip, the cursor.
const HIT_SLACK_PX = 4;
const CLICK_SLACK_PX = 4;

function createTimeline(state, onCursor) {
  const canvas = document.getElementById("timeline-canvas");
  const timeline = {
    canvas,
    state,
    layout: layOut(state.run),
    dimOthers: document.getElementById("dim-others"),
    picture: document.createElement("canvas"),
    width: 0,
    cursor: null,
    dragFrom: null,
    drawn: 0,
    onCursor,
  };
  const redraw = () => repaint(timeline);
  state.onChange(redraw);
  timeline.dimOthers?.addEventListener("change", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(() => canvas.clientWidth !== timeline.width && redraw()).observe(canvas);
  listenToPointer(timeline);
  listenToButtons(state);
  repaint(timeline);
  return timeline;
}

// Draws everything anew, into a picture that the cursor is then laid over.
function repaint(timeline) {
  const { canvas, picture, layout, state } = timeline;
  const ratio = devicePixelRatio || 1;
  timeline.width = canvas.clientWidth;
  canvas.style.height = `${layout.height}px`;
  for (const surface of [canvas, picture]) {
    surface.width = Math.round(timeline.width * ratio);
    surface.height = Math.round(layout.height * ratio);
  }
  const context = picture.getContext("2d");
  context.scale(ratio, ratio);
  const painter = createPainter(context, timeline.width, layout, state, timeline.dimOthers?.checked ?? false);
  drawTimeline(painter);
  timeline.drawn = painter.drawn;
  showPicture(timeline);
  sayWhatIsShown(state);
}

function showPicture({ canvas, picture, cursor, dragFrom, layout, width }) {
  if (picture.width === 0 || picture.height === 0) return;
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0);
  if (cursor === null) return;
  const ratio = devicePixelRatio || 1;
  context.scale(ratio, ratio);
  const style = getComputedStyle(page);
  context.fillStyle = style.getPropertyValue("--muted");
  context.fillRect(Math.round(cursor), AXIS_HEIGHT - 6, 1, layout.height);
  if (dragFrom !== null) {
    context.globalAlpha = 0.18;
    const from = Math.min(Math.max(dragFrom, width * LEFT), width * RIGHT);
    context.fillRect(Math.min(from, cursor), AXIS_HEIGHT - 6, Math.abs(cursor - from), layout.height);
    context.globalAlpha = 1;
  }
}

function sayWhatIsShown(state) {
  const { run, selected } = state;
  const words = selected < 0 ? "" : `#${run.index[selected]} p${run.process[selected]} ${wordsOf(run, selected)} · `;
  const output = document.getElementById("timeline-range");
  output.textContent = `${words}${momentText(state.from)} to ${momentText(state.to)}`;
}

function timeAt({ state, width }, x) {
  const share = (x - width * LEFT) / (width * (RIGHT - LEFT));
  return state.from + Math.min(Math.max(share, 0), 1) * (state.to - state.from);
}

function zoom(state, factor, around = (state.from + state.to) / 2) {
  state.view(around - (around - state.from) * factor, around + (state.to - around) * factor);
}

function pan(state, share) {
  const step = (state.to - state.from) * share;
  state.view(state.from + step, state.to + step);
}

function listenToPointer(timeline) {
  const { canvas, state } = timeline;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    timeline.dragFrom = event.offsetX;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => moveCursor(timeline, event));
  canvas.addEventListener("pointerup", (event) => endDrag(timeline, event));
  canvas.addEventListener("pointercancel", () => (timeline.dragFrom = null));
  canvas.addEventListener("pointerleave", () => leave(timeline));
  canvas.addEventListener("dblclick", () => state.view(0, state.run.end));
  canvas.addEventListener("wheel", (event) => turnWheel(timeline, event), { passive: false });
}

function moveCursor(timeline, event) {
  const { width, state } = timeline;
  timeline.cursor = Math.min(Math.max(event.offsetX, width * LEFT), width * RIGHT);
  showPicture(timeline);
  timeline.onCursor(timeAt(timeline, event.offsetX));
  showTooltip(timeline, timeline.dragFrom === null ? hit(timeline, event.offsetX, event.offsetY) : null, event);
  timeline.canvas.style.cursor = event.offsetX < width * LEFT ? "default" : state.run.count ? "crosshair" : "default";
}

function endDrag(timeline, event) {
  const from = timeline.dragFrom;
  timeline.dragFrom = null;
  if (from === null) return;
  if (Math.abs(event.offsetX - from) > CLICK_SLACK_PX) {
    const [a, b] = [timeAt(timeline, from), timeAt(timeline, event.offsetX)];
    timeline.state.view(Math.min(a, b), Math.max(a, b));
    return;
  }
  const found = hit(timeline, event.offsetX, event.offsetY);
  timeline.state.select(found?.op ?? -1);
}

function leave(timeline) {
  timeline.cursor = null;
  timeline.onCursor(null);
  showPicture(timeline);
  document.getElementById("timeline-tooltip").hidden = true;
}

// The page scrolls as ever until the reader has turned to the drawing.
function turnWheel(timeline, event) {
  const { state, canvas } = timeline;
  if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas) return;
  event.preventDefault();
  if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(state, event.deltaX / 1000);
  else zoom(state, Math.exp(Math.min(Math.max(event.deltaY, -200), 200) / 400), timeAt(timeline, event.offsetX));
}

// What is drawn at a point: an op, a node's state, a fault, or nothing.
function hit(timeline, x, y) {
  const { layout, state, width } = timeline;
  const { run } = state;
  const row = layout.rows.find((candidate) => y >= candidate.top && y < candidate.top + candidate.height);
  if (!row || x < width * LEFT) return null;
  const time = timeAt(timeline, x);
  const slack = (HIT_SLACK_PX / (width * (RIGHT - LEFT))) * (state.to - state.from);
  if (row.kind === "fault") {
    const fault = run.faults.find((f) => f.lane === row.number && f.from - slack <= time && time <= f.to + slack);
    return fault ? { fault } : null;
  }
  if (row.kind === "node") {
    const node = run.nodes[row.number];
    const span = node.spans.findLast(([from, to]) => from <= time && time <= to);
    return span ? { node, span } : null;
  }
  const op = nearestOp(run, run.lanes[row.number], time, slack);
  return op === null ? null : { op };
}

function nearestOp(run, ops, time, slack) {
  let [nearest, least] = [null, slack];
  for (let n = firstInView(run, ops, time - slack); n < ops.length && run.start[ops[n]] <= time + slack; n++) {
    const distance = Math.max(run.start[ops[n]] - time, time - endOf(run, ops[n]), 0);
    if (distance <= least) [nearest, least] = [ops[n], distance];
  }
  return nearest;
}

function showTooltip(timeline, found, event) {
  const tooltip = document.getElementById("timeline-tooltip");
  tooltip.hidden = found === null;
  if (found === null) return;
  const [title, ...lines] = describe(timeline.state.run, found);
  const parts = [document.createElement("b"), ...lines.map(() => document.createElement("span"))];
  parts[0].textContent = title;
  lines.forEach((line, i) => (parts[i + 1].textContent = line));
  tooltip.replaceChildren(...parts);
  const left = Math.min(event.offsetX + 14, timeline.width - tooltip.offsetWidth - 4);
  tooltip.style.left = `${Math.max(left, 0)}px`;
  tooltip.style.top = `${event.offsetY + 16}px`;
}

function describe(run, { op, node, span, fault }) {
  if (fault) {
    const evidence = fault.bit ? "with evidence that it bit" : "without evidence that it bit";
    return [fault.summary, `${momentText(fault.from)} to ${momentText(fault.to)}`, evidence];
  }
  if (node) {
    const [from, to, letter, term] = span;
    const { name, mark } = NODE_STATES[letter];
    const alive = letter !== "d" && letter !== "p";
    return [`${node.name} ${mark}${name}${alive ? ` of term ${term}` : ""}`, `${momentText(from)} to ${momentText(to)}`];
  }
  const asked = run.node[op] ? ` at ${run.node[op]}` : "";
  const lines = [
    wordsOf(run, op),
    `${KINDS[run.kind[op]]}${run.error[op] && `: ${run.error[op]}`}`,
    `#${run.index[op]} by p${run.process[op]}${asked}`,
    `${momentText(run.start[op])}, ${durationText(run.duration[op])}`,
  ];
  if (run.anomalous.has(op)) lines.push("in an anomaly");
  return lines;
}

function listenToButtons(state) {
  const actions = {
    "zoom-in": () => zoom(state, 0.5),
    "zoom-out": () => zoom(state, 2),
    fit: () => state.view(0, state.run.end),
    anomaly: () => showAnomaly(state),
    next: () => stepThroughAnomaly(state, 1),
    previous: () => stepThroughAnomaly(state, -1),
  };
  for (const button of document.querySelectorAll("button[data-do]")) {
    button.addEventListener("click", actions[button.dataset.do]);
  }
}

// All ops of anomalies, with a margin.
function showAnomaly(state) {
  const { run } = state;
  const from = Math.min(...run.anomalies.map((i) => run.start[i]));
  const to = Math.max(...run.anomalies.map((i) => endOf(run, i)));
  const margin = Math.max((to - from) * 0.1, 1000);
  state.view(from - margin, to + margin);
}

function stepThroughAnomaly(state, step) {
  const { anomalies } = state.run;
  if (anomalies.length === 0) return;
  const at = anomalies.indexOf(state.selected);
  const next = at < 0 ? (step > 0 ? 0 : anomalies.length - 1) : (at + step + anomalies.length) % anomalies.length;
  state.select(anomalies[next]);
}

function stepThroughLane(state, step) {
  const { run, selected } = state;
  if (run.count === 0) return;
  if (selected < 0) return state.select(0);
  const ops = run.lanes[run.lane[selected]];
  const next = ops[ops.indexOf(selected) + step];
  if (next !== undefined) state.select(next);
}
