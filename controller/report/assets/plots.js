// Marks on the static plots which stretch the timeline shows, and where its cursor is.
const SVG = "http://www.w3.org/2000/svg";
const PLOT = { x0: 96, x1: 1190, top: 22, bottom: 164 };

function linkPlots(state) {
  const plots = [...document.querySelectorAll('svg[data-plot="time"]')].map((svg) => {
    const view = svg.appendChild(document.createElementNS(SVG, "rect"));
    const cursor = svg.appendChild(document.createElementNS(SVG, "line"));
    view.setAttribute("class", "view");
    cursor.setAttribute("class", "cursor");
    setAttributes(view, { y: PLOT.top, height: PLOT.bottom - PLOT.top, rx: 2, visibility: "hidden" });
    setAttributes(cursor, { y1: PLOT.top, y2: PLOT.bottom, visibility: "hidden" });
    return { view, cursor };
  });
  const x = (us) => PLOT.x0 + (us / state.run.end) * (PLOT.x1 - PLOT.x0);
  const showView = () => {
    const whole = state.from <= 0 && state.to >= state.run.end;
    for (const { view } of plots) {
      setAttributes(view, {
        x: x(state.from),
        width: Math.max(x(state.to) - x(state.from), 2),
        visibility: whole ? "hidden" : "visible",
      });
    }
  };
  state.onChange(showView);
  return (us) => {
    for (const { cursor } of plots) {
      const at = us === null ? PLOT.x0 : x(us);
      setAttributes(cursor, { x1: at, x2: at, visibility: us === null ? "hidden" : "visible" });
    }
  };
}

function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}
