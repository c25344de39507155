// The filter's words: kind:info f:write key:x p:3 node:n1 t:12.3..14.1 anomaly final, or any text.
// A word matches with "-" in front where it would not without. All words must match.

const matchesAll = () => true;

function parseFilter(text) {
  const tests = text.trim().split(/\s+/).filter(Boolean).map(parseWord);
  if (tests.length === 0) return matchesAll;
  return (run, i) => tests.every((test) => test(run, i));
}

function parseWord(word) {
  if (word.length > 1 && word.startsWith("-")) {
    const test = parseWord(word.slice(1));
    return (run, i) => !test(run, i);
  }
  if (word === "anomaly") return (run, i) => run.anomalous.has(i);
  if (word === "final") return (run, i) => run.finalReads.has(i);
  const colon = word.indexOf(":");
  const field = FILTER_FIELDS[word.slice(0, colon)];
  return colon > 0 && field ? field(word.slice(colon + 1)) : containsText(word);
}

const FILTER_FIELDS = {
  kind: (value) => (run, i) => KINDS[run.kind[i]] === value,
  f: (value) => (run, i) => run.f[i] === value,
  key: (value) => (run, i) => run.key[i] === value,
  node: (value) => (run, i) => run.node[i] === value,
  p: (value) => (run, i) => String(run.process[i]) === value,
  t: (value) => {
    const [from, to] = parseRange(value);
    return (run, i) => run.start[i] <= to && endOf(run, i) >= from;
  },
};

// Seconds from..to, either of which may be left out, as microseconds.
function parseRange(text) {
  const [from, to] = text.split("..");
  const bound = (part, otherwise) => (part && !Number.isNaN(Number(part)) ? Number(part) * 1e6 : otherwise);
  return [bound(from, 0), bound(to === undefined ? from : to, Infinity)];
}

function containsText(word) {
  const wanted = word.toLowerCase();
  return (run, i) =>
    [run.f[i], run.key[i], run.value[i], run.error[i], run.node[i], `#${run.index[i]}`, `p${run.process[i]}`].some(
      (text) => text.toLowerCase().includes(wanted),
    );
}
