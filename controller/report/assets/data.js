// The run's data: gzipped columns (see src/run_data.rs), unpacked into arrays by op position.
const KINDS = ["ok", "fail", "info", "open"];

async function readRun() {
  const text = document.getElementById("run-data").textContent;
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return unpackRun(await new Response(stream).json());
}

function unpackRun(data) {
  const { ops } = data;
  const index = runningSum(ops.index);
  const start = runningSum(ops.start);
  const laneOfProcess = new Map(data.processes);
  const run = {
    end: data.end,
    nodes: data.nodes,
    faults: data.faults,
    count: index.length,
    index,
    completion: ops.completion.map((offset, i) => (offset > 0 ? index[i] + offset : -1)),
    start,
    duration: ops.duration,
    process: ops.process,
    kind: ops.kind,
    f: textColumn(ops.f),
    key: textColumn(ops.key),
    node: textColumn(ops.node),
    error: textColumn(ops.error),
    value: ops.value,
    anomalous: new Set(ops.anomalous),
    anomalies: ops.anomalous,
    finalReads: new Set(ops.final),
    lane: ops.process.map((process) => laneOfProcess.get(process)),
    lanes: [],
  };
  for (const lane of laneOfProcess.values()) run.lanes[lane] ??= [];
  run.lane.forEach((lane, i) => run.lanes[lane].push(i));
  return run;
}

function runningSum(steps) {
  let sum = 0;
  return steps.map((step) => (sum += step));
}

function textColumn({ texts, rows }) {
  return rows.map((row) => (row === 0 ? "" : texts[row - 1]));
}

// Where the op stops being drawn: an op that never returned, at the run's end.
function endOf(run, i) {
  return run.duration[i] < 0 ? run.end : run.start[i] + run.duration[i];
}

// The position of the op with this index, be it the invocation's or the completion's; -1 if absent.
function positionOf(run, index) {
  const position = run.index.indexOf(index);
  return position >= 0 ? position : run.completion.indexOf(index);
}

function wordsOf(run, i) {
  const value = run.value[i] === "" ? "" : ` ${run.value[i]}`;
  const separator = run.f[i] === "read" && value ? " →" : run.f[i] === "write" ? " =" : "";
  return `${run.f[i]}${run.key[i] && ` ${run.key[i]}`}${separator}${value}`;
}

function momentText(us) {
  return `${(us / 1e6).toFixed(3)} s`;
}

function durationText(us) {
  if (us < 0) return "never returned";
  if (us < 1000) return `${us} µs`;
  if (us < 1e6) return `${Number((us / 1e3).toPrecision(3))} ms`;
  return `${Number((us / 1e6).toPrecision(3))} s`;
}
