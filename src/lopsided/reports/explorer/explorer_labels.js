// Names beside their curves: of many places for each, the one that is free and nearest to its own curve.
const TEXT = 12;  // pixels
// Side of the name at the point, from its left end (0) to its right end (1), and its base line from there, in pixels.
const PLACES = [[0.5, -6], [0.5, -12], [0.5, 15], [0.5, 21], [0, -5], [1, -5], [1, -11], [0, 14], [1, 14], [0, 20], [0, 4], [1, 4]];
const pen = document.createElement("canvas").getContext("2d");

function textWidth(text, size = TEXT) {
  pen.font = `${size}px system-ui, sans-serif`;
  return pen.measureText(text).width;
}

// Points of a curve that lie inside the box, at most `step` pixels apart.
function inside(points, { width, height }, step = 7) {
  const found = [];
  for (let i = 1; i < points.length; i += 1) {
    const [ax, ay] = points[i - 1], [bx, by] = points[i];
    const count = Math.min(400, Math.max(1, Math.ceil(Math.hypot(bx - ax, by - ay) / step)));
    for (let k = 0; k < count; k += 1) {
      const x = ax + ((bx - ax) * k) / count, y = ay + ((by - ay) * k) / count;
      if (y < 0 || y > height || x < 0 || x > width) continue;
      const last = found.at(-1);
      if (!last || Math.hypot(x - last[0], y - last[1]) >= step) found.push([x, y]);
    }
  }
  return found;
}

function distance([x, y], box) {
  const dx = Math.max(box.left - x, 0, x - box.right), dy = Math.max(box.top - y, 0, y - box.bottom);
  return Math.hypot(dx, dy);
}

function overlap(one, other, room = 4) {
  return one.left < other.right + room && other.left < one.right + room
    && one.top < other.bottom + room && other.top < one.bottom + room;
}

// Cost of a box for the name of curve `own`: far from it, or near another, or upon any is bad, the more if
// it is one of the `firm` first ones and no mere mark.
function cost(box, own, curves, firm) {
  let total = 0, near = 0, others = Infinity;
  curves.forEach((points, number) => {
    let nearest = Infinity, crossed = 0;
    for (const point of points) {
      const far = distance(point, box);
      if (far < nearest) nearest = far;
      if (far < 2) crossed += 1;
    }
    total += (number < firm ? 30 : 10) * crossed + (number === own ? 3 * nearest : Math.max(0, 26 - nearest));
    if (number === own) near = nearest; else others = Math.min(others, nearest);
  });
  return total + (others < near ? 40 : 0);
}

// Where each name goes. `names`: { text, curve: index } ; `curves`: arrays of [x, y] in pixels; `before`: where each
// name was, which keeps names from jumping about while a slider moves. `area.top`: how high a name may reach.
function placeNames(names, curves, area, before, firm) {
  const shown = curves.map((points) => inside(points, area));
  const placed = [], boxes = [];
  for (const { text, curve } of names) {
    const width = textWidth(text) + 2, points = shown[curve], stride = Math.max(1, Math.floor(points.length / 28));
    let best = null;
    for (let i = 0; i < points.length; i += stride) {
      for (const [dx, dy] of PLACES) {
        const away = dx === 0 ? 7 : dx === 1 ? -7 : 0;
        const left = points[i][0] - dx * width + away, bottom = points[i][1] + dy;
        const box = { left, right: left + width, top: bottom - TEXT + 1, bottom: bottom + 2 };
        if (box.left < 3 || box.right > area.width - 3 || box.top < area.top || box.bottom > area.height - 3) continue;
        if (boxes.some((other) => overlap(box, other))) continue;
        const old = before.get(text);
        const moved = old ? Math.min(12, 0.2 * Math.hypot(left - old.left, bottom - old.y)) : 0;
        const price = cost(box, curve, shown, firm) + moved;
        if (!best || price < best.price) best = { price, box, left, y: bottom, text, curve };
      }
    }
    if (!best) continue;  // no room at all: the values below the chart name the curve
    boxes.push(best.box);
    before.set(text, best);
    placed.push(best);
  }
  return placed;
}
