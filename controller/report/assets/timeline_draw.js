// Draws the timeline: faults on top, a lane a node, a lane a client. Time is linear.

// The same margins as the plots (src/plots.rs), as shares of the width, so that all line up.
const LEFT = 96 / 1200;
const RIGHT = 1190 / 1200;

const AXIS_HEIGHT = 26;
const FAULT_HEIGHT = 22;
const NODE_HEIGHT = 26;
const GROUP_GAP = 12;
const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif";

// Rows from top to bottom, each with its place.
function layOut(run) {
  const rows = [];
  let top = AXIS_HEIGHT;
  const add = (kind, number, height, label) => {
    rows.push({ kind, number, top, height, label });
    top += height;
  };
  const faultLanes = Math.max(0, ...run.faults.map((fault) => fault.lane + 1));
  for (let lane = 0; lane < faultLanes; lane++) add("fault", lane, FAULT_HEIGHT, lane === 0 ? "faults" : "");
  if (faultLanes > 0) top += GROUP_GAP;
  run.nodes.forEach((node, number) => add("node", number, NODE_HEIGHT, node.name));
  if (run.nodes.length > 0) top += GROUP_GAP;
  const clientHeight = run.lanes.length > 24 ? 13 : 18;
  run.lanes.forEach((ops, lane) => add("client", lane, clientHeight, ops.length ? laneLabel(run, ops) : ""));
  return { rows, height: top + 6 };
}

// The first process on the lane, and that others followed it.
function laneLabel(run, ops) {
  const first = run.process[ops[0]];
  const later = new Set(ops.map((i) => run.process[i])).size - 1;
  return later > 0 ? `p${first} +${later}` : `p${first}`;
}

function readColours() {
  const style = getComputedStyle(page);
  const names = ["ground", "sunken", "text", "muted", "faint", "rule", "ok", "fail", "info", "info-ground"];
  names.push("leader", "leader-ground", "candidate", "fault", "fault-ground", "gap", "anomaly");
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

// Diagonal lines, as a pattern for a canvas.
function hatching(ground, line, width, slope) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const context = tile.getContext("2d");
  context.fillStyle = ground;
  context.fillRect(0, 0, 8, 8);
  context.strokeStyle = line;
  context.lineWidth = width;
  for (const offset of [-8, 0, 8]) {
    context.beginPath();
    context.moveTo(offset - 1, slope > 0 ? -1 : 9);
    context.lineTo(offset + 9, slope > 0 ? 9 : -1);
    context.stroke();
  }
  return context.createPattern(tile, "repeat");
}

// One drawing: where, of what, in which colours.
function createPainter(context, width, layout, state, dimOthers) {
  const colours = readColours();
  const [x0, x1] = [width * LEFT, width * RIGHT];
  const scale = (x1 - x0) / (state.to - state.from);
  return {
    context, width, layout, state, dimOthers, colours, x0, x1,
    run: state.run,
    x: (us) => x0 + (us - state.from) * scale,
    infoHatch: hatching(colours["info-ground"], colours.info, 2.5, -1),
    downHatch: hatching(colours.ground, colours.gap, 1, 1),
    drawn: 0,
  };
}

function drawTimeline(painter) {
  const { context, layout, x0, x1, width } = painter;
  context.font = FONT;
  context.textBaseline = "middle";
  drawTimeAxis(painter);
  for (const row of layout.rows) drawRowGround(painter, row);
  context.save();
  context.beginPath();
  context.rect(x0, 0, Math.max(x1 - x0 + 4, width - x0), layout.height);
  context.clip();
  for (const row of layout.rows) {
    if (row.kind === "fault") drawFaults(painter, row);
    if (row.kind === "node") drawNode(painter, row);
    if (row.kind === "client") drawClient(painter, row);
  }
  context.restore();
}

function drawRowGround({ context, colours, x0, x1 }, row) {
  context.fillStyle = colours.muted;
  context.textAlign = "right";
  context.fillText(row.label, x0 - 10, row.top + row.height / 2);
  context.textAlign = "left";
  if (row.kind === "fault") return;
  context.fillStyle = colours.faint;
  context.fillRect(x0, Math.round(row.top + row.height / 2), x1 - x0, 1);
}

// The smallest of 1, 2, 5 × 10^n that is at least `least`.
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * 0.999);
}

function drawTimeAxis(painter) {
  const { context, colours, state, x0, x1, layout } = painter;
  const step = Math.max(1, roundStep((state.to - state.from) / ((x1 - x0) / 110)));
  const decimals = Math.max(0, Math.ceil(6 - Math.log10(step) - 1e-9));
  context.textAlign = "center";
  for (let tick = Math.ceil(state.from / step) * step; tick <= state.to; tick += step) {
    const x = Math.round(painter.x(tick)) + 0.5;
    context.fillStyle = colours.muted;
    context.fillText(`${(tick / 1e6).toFixed(decimals)} s`, x, 10);
    context.fillStyle = colours.faint;
    context.fillRect(x - 0.5, AXIS_HEIGHT - 4, 1, layout.height - AXIS_HEIGHT);
  }
  context.textAlign = "left";
}

// Writes the first of the texts that fits between left and right, kept in sight; else nothing.
function writeWithin({ context, x0, x1 }, texts, left, right, y) {
  const [from, to] = [Math.max(left, x0) + 6, Math.min(right, x1) - 4];
  const text = texts.find((candidate) => context.measureText(candidate).width <= to - from);
  if (text) context.fillText(text, from, y);
}

function drawFaults(painter, row) {
  const { context, colours, run, x, state } = painter;
  for (const fault of run.faults) {
    if (fault.lane !== row.number || fault.to < state.from || fault.from > state.to) continue;
    const [left, right] = [x(fault.from), Math.max(x(fault.to), x(fault.from) + 2)];
    context.fillStyle = colours["fault-ground"];
    context.strokeStyle = colours.fault;
    context.setLineDash(fault.bit ? [] : [3, 3]);
    context.fillRect(left, row.top + 2, right - left, row.height - 4);
    context.strokeRect(left + 0.5, row.top + 2.5, right - left - 1, row.height - 5);
    context.setLineDash([]);
    context.fillStyle = colours.text;
    const doubt = fault.bit ? "" : " (no evidence)";
    writeWithin(painter, [fault.summary + doubt, fault.family + doubt, fault.family], left, right, row.top + row.height / 2);
    painter.drawn++;
  }
}

const NODE_STATES = {
  f: { name: "follower", mark: "" },
  c: { name: "candidate", mark: "? " },
  l: { name: "leader", mark: "★ " },
  d: { name: "down", mark: "✕ " },
  p: { name: "paused", mark: "‖ " },
};

function drawNode(painter, row) {
  const { run, state } = painter;
  for (const [from, to, letter, term] of run.nodes[row.number].spans) {
    if (to < state.from || from > state.to) continue;
    drawNodeSpan(painter, row, painter.x(from), painter.x(to), letter, term);
    painter.drawn++;
  }
}

function drawNodeSpan(painter, row, left, right, letter, term) {
  const { context, colours } = painter;
  const { name, mark } = NODE_STATES[letter];
  const [top, height, middle] = [row.top + 4, row.height - 8, row.top + row.height / 2];
  const width = Math.max(right - left, 1);
  const alive = letter === "f" || letter === "c" || letter === "l";
  if (letter !== "f") {
    context.fillStyle = { c: colours.ground, l: colours["leader-ground"] }[letter] ?? painter.downHatch;
    context.fillRect(left, top, width, height);
    context.strokeStyle = { c: colours.candidate, l: colours.leader }[letter] ?? colours.gap;
    context.setLineDash(letter === "c" ? [3, 2] : []);
    if (width > 2) context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
    context.setLineDash([]);
  }
  const texts = alive ? [`${mark}${name} t${term}`, `${mark}t${term}`, mark.trim()] : [mark + name, mark.trim()];
  const shown = letter === "f" ? [`t${term}`] : texts;
  const text = shown.find((candidate) => context.measureText(candidate).width <= right - left - 10);
  if (!text) return;
  if (!alive || letter === "f") {
    // The line or the hatching must not run through the text.
    context.fillStyle = colours.ground;
    context.fillRect(Math.max(left, painter.x0) + 4, middle - 7, context.measureText(text).width + 4, 14);
  }
  context.fillStyle = letter === "f" ? colours.muted : colours.text;
  writeWithin(painter, [text], left, right, middle + 0.5);
}

function drawClient(painter, row) {
  const { run, state, x } = painter;
  const ops = run.lanes[row.number];
  const dims = painter.dimOthers && run.anomalous.size > 0;
  const outlined = [];
  let lastPixel = -1;
  let lastKind = -1;
  for (let n = firstInView(run, ops, state.from); n < ops.length && run.start[ops[n]] <= state.to; n++) {
    const i = ops[n];
    const left = x(run.start[i]);
    const right = Math.max(x(endOf(run, i)), left + 1);
    if (run.anomalous.has(i) || i === state.selected) {
      outlined.push([i, left, right]);
      continue;
    }
    // Of ops that share a pixel, the most doubtful one is seen.
    const pixel = Math.floor(left);
    if (right - left < 1.5 && pixel === lastPixel && run.kind[i] <= lastKind) continue;
    lastKind = pixel === lastPixel ? Math.max(lastKind, run.kind[i]) : run.kind[i];
    lastPixel = pixel;
    drawOp(painter, row, i, left, right, dims || !state.matches(run, i));
  }
  for (const [i, left, right] of outlined) {
    drawOp(painter, row, i, left, right, !state.matches(run, i));
    outlineOp(painter, row, i, left, right);
  }
}

// The first op of the lane that has not ended before `from`; ops on a lane do not overlap.
function firstInView(run, ops, from) {
  let [low, high] = [0, ops.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (endOf(run, ops[middle]) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

function drawOp(painter, row, i, left, right, faded) {
  const { context, colours, run } = painter;
  const [top, height, width] = [row.top + 3, row.height - 6, right - left];
  painter.drawn++;
  context.globalAlpha = faded ? 0.3 : 1;
  const kind = KINDS[run.kind[i]];
  if (kind === "ok") {
    context.fillStyle = colours.ok;
    context.fillRect(left, top, width, height);
  } else if (kind === "fail") {
    drawFailed(painter, left, top, width, height);
  } else {
    context.fillStyle = painter.infoHatch;
    context.fillRect(left, top, width, height);
    drawOpenEnd(painter, left, right, top, height);
  }
  context.globalAlpha = 1;
}

// Hollow with a cross; a narrow one sticks out above and below, so that it differs in shape too.
function drawFailed({ context, colours }, left, top, width, height) {
  context.strokeStyle = context.fillStyle = colours.fail;
  context.lineWidth = 1.2;
  if (width < 8) {
    context.fillRect(left, top - 2, Math.max(1, Math.min(width, 1.5)), height + 4);
    return;
  }
  context.clearRect(left, top, width, height);
  context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
  const [x, y, r] = [left + width / 2, top + height / 2, Math.min(3, height / 2 - 1)];
  context.beginPath();
  context.moveTo(x - r, y - r);
  context.lineTo(x + r, y + r);
  context.moveTo(x + r, y - r);
  context.lineTo(x - r, y + r);
  context.stroke();
  context.lineWidth = 1;
}

// Outlined but for the right side, where an arrow head says that it may go on.
function drawOpenEnd({ context, colours }, left, right, top, height) {
  context.strokeStyle = colours.text;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(right, top + 0.5);
  context.lineTo(left + 0.5, top + 0.5);
  context.lineTo(left + 0.5, top + height - 0.5);
  context.lineTo(right, top + height - 0.5);
  context.moveTo(right + 1, top);
  context.lineTo(right + 5, top + height / 2);
  context.lineTo(right + 1, top + height);
  context.stroke();
}

function outlineOp({ context, colours, state }, row, i, left, right) {
  context.strokeStyle = colours.anomaly;
  context.lineWidth = i === state.selected ? 3 : 2;
  context.strokeRect(left - 2, row.top + 1, right - left + 4, row.height - 2);
  context.lineWidth = 1;
}
