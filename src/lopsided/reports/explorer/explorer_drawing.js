// One chart as SVG: grid, regions, curves with their names, and a cursor that reads them off.
const NAMESPACE = document.querySelector(".explorer svg").namespaceURI;

function element(parent, name, attributes = {}, text = "") {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

function path(points) {
  return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

// A number as it is read: three digits after the point, and fewer zeros where it is tiny.
function shownNumber(value) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size !== 0 && size < 5e-4 ? size.toExponential(1).replace("-", "−") : size.toFixed(size < 10 ? 3 : 1);
  return (value < 0 && Number(size.toFixed(12)) !== 0 ? "−" : "") + text;
}

class Chart {
  constructor(svg) {
    this.svg = svg;
    this.names = new Map();
  }

  // `panel`: { x: { low, high, ticks, label }, y: { low, high, ticks }, lines: [{ look, name, points }], regions, marks, head }
  // with points, regions and marks in the units of the axes, and head the pixels above the plot.
  draw(panel) {
    const { svg } = this, width = Math.max(240, Math.round(svg.parentElement.clientWidth));
    const above = panel.head, left = 40, right = 14, below = 42;
    const area = {
      width: width - left - right, height: Math.round(Math.min(280, Math.max(200, 0.56 * width))),
      top: panel.regions.length ? 2 : -7,
    };
    const height = area.height + above + below;
    Object.assign(this, { panel, area, left, above });
    this.toX = (x) => ((x - panel.x.low) / (panel.x.high - panel.x.low)) * area.width;
    this.toY = (y) => area.height - ((y - panel.y.low) / (panel.y.high - panel.y.low)) * area.height;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren();
    const frame = element(svg, "g", { transform: `translate(${left} ${above})` });
    this.regions(frame);
    this.axes(frame);
    const curves = panel.lines.map(({ points }) => points.map(([x, y]) => [this.toX(x), this.bounded(this.toY(y))]));
    const plot = element(frame, "svg", { width: area.width, height: area.height, class: "plot" });
    for (const i of [...curves.keys()].reverse()) {  // the first lies above: its gaps show what is below
      element(plot, "path", { d: path(curves[i]), class: `curve ${panel.lines[i].look}` });
    }
    const marks = panel.marks.map(({ points }) => points.map(([x, y]) => [this.toX(x), this.toY(y)]));
    panel.marks.forEach(({ dot }, i) => {
      element(plot, "path", { d: path(marks[i]), class: "mark" });
      if (dot) element(plot, "circle", { cx: this.toX(dot[0]), cy: this.toY(dot[1]), r: 4, class: "dot" });
    });
    const all = [...panel.lines, ...panel.marks];
    const order = [...all.keys()].sort((a, b) => (b >= panel.lines.length) - (a >= panel.lines.length) || b - a);
    const names = order.filter((i) => all[i].name).map((i) => ({ text: all[i].name, curve: i }));
    const placed = placeNames(names, [...curves, ...marks], area, this.names, curves.length);
    this.cursor = element(frame, "g", { class: "cursor" });
    for (const { text, left: x, y, curve } of placed) {
      element(frame, "text", { x, y, class: `name ${all[curve].look ?? "marked"}` }, text);
    }
  }

  bounded(y) {
    return Math.min(Math.max(y, -2000), 2000);  // what leaves the plot needs no more
  }

  axes(frame) {
    const { area, panel } = this;
    for (const { at, text } of panel.y.ticks) {
      const y = this.toY(at);
      element(frame, "path", { d: `M0 ${y}H${area.width}`, class: "grid" });
      element(frame, "text", { x: -7, y: y + 4, class: "tick", "text-anchor": "end" }, text);
    }
    for (const { at, text } of panel.x.ticks) {
      const x = this.toX(at);
      element(frame, "path", { d: `M${x} 0V${area.height}`, class: "grid" });
      element(frame, "text", { x, y: area.height + 17, class: "tick", "text-anchor": "middle" }, text);
    }
    element(frame, "path", { d: `M0 0V${area.height}H${area.width}`, class: "axis" });
    const label = { x: area.width / 2, y: area.height + 36, class: "label", "text-anchor": "middle" };
    element(frame, "text", label, panel.x.label);
  }

  // Shaded parts of the x axis, each with its name above: at its middle, or where its neighbours leave room.
  regions(frame) {
    const { area, panel } = this;
    const parts = panel.regions.map(({ low, high, shaded, words }) => {
      const [from, to] = [low, high].map((x) => Math.min(Math.max(this.toX(x), 0), area.width));
      if (shaded) element(frame, "rect", { x: from, width: to - from, y: 0, height: area.height, class: "region" });
      const width = Math.max(...words.map((text) => textWidth(text, 11)));
      const middle = Math.min(Math.max((from + to) / 2, width / 2 - 4), area.width + 10 - width / 2);
      return { words, width, middle, visible: to - from > 0.5 };
    }).filter(({ visible }) => visible);
    const room = 12;
    for (let i = 1; i < parts.length; i += 1) {
      parts[i].middle = Math.max(parts[i].middle, parts[i - 1].middle + (parts[i - 1].width + parts[i].width) / 2 + room);
    }
    for (let i = parts.length - 1, edge = area.width + 12; i >= 0; edge = parts[i].middle - parts[i].width / 2 - room, i -= 1) {
      parts[i].middle = Math.min(parts[i].middle, edge - parts[i].width / 2);
    }
    for (const { words, middle } of parts) {
      words.forEach((text, line) => {
        const at = { x: middle, y: -22 + 14 * line, class: line ? "regime" : "regime strong", "text-anchor": "middle" };
        element(frame, "text", at, text);
      });
    }
  }

  // The cursor at `x`, with a dot on each curve.
  point(x, values) {
    const { area, panel, cursor } = this, at = this.toX(x);
    cursor.replaceChildren();
    if (at < -0.5 || at > area.width + 0.5) return;
    element(cursor, "path", { d: `M${at} 0V${area.height}`, class: "hair" });
    values.forEach((value, i) => {
      const y = this.toY(value);
      if (y < -1 || y > area.height + 1) return;
      element(cursor, "circle", { cx: at, cy: y, r: 4.5, class: `point ${panel.lines[i].look}` });
    });
  }

  // Value on the x axis under a pointer.
  under(event) {
    const box = this.svg.getBoundingClientRect(), scale = this.svg.viewBox.baseVal.width / box.width;
    const share = ((event.clientX - box.left) * scale - this.left) / this.area.width;
    return this.panel.x.low + Math.min(Math.max(share, 0), 1) * (this.panel.x.high - this.panel.x.low);
  }
}
