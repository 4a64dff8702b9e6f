// What each chart shows for a view: { gamma_pos, gamma_neg, margin, hidden, axis }.
const CROSS_ENTROPY = { gamma_pos: 0, gamma_neg: 0, margin: 0 };
const MOST = 13.8;  // of a logit on the axis of probabilities, where p has 6 digits
const SHARES = ticks(0, 1, 0.2);
const AXES = {
  p: { low: 0, high: 1, step: 0.01, ticks: SHARES, label: "score p", fromLogit: sigmoid, toLogit: logit },
  z: { low: -8, high: 8, step: 0.1, ticks: ticks(-8, 8, 2), label: "logit z", fromLogit: (z) => z, toLogit: (x) => x },
};
const SCORES = { low: 0, high: 1, ticks: SHARES };
const TRUTH = { low: 0, high: 1, step: 0.01, ticks: SHARES, label: "true probability η" };

function ticks(low, high, step) {
  const found = [];
  for (let i = 0; i <= Math.round((high - low) / step); i += 1) {
    const at = low + i * step, text = String(Math.abs(Math.round(at * 100) / 100));
    found.push({ at, text: at < -1e-9 ? `−${text}` : text });
  }
  return found;
}

function toLogit(axis, x) {
  return Math.min(Math.max(AXES[axis].toLogit(x), -MOST), MOST);
}

// Logits to draw at: even on the axis, and both sides of the margin, where a curve may jump.
function logits(axis, margin) {
  const { low, high } = AXES[axis], count = 320, found = [];
  for (let i = 0; i <= count; i += 1) found.push(toLogit(axis, low + ((high - low) * i) / count));
  if (margin > 0) found.push(logit(margin), logit(margin) + 1e-9);
  return found.sort((a, b) => a - b);
}

function line(look, name, value, view) {
  const points = logits(view.axis, view.margin).map((z) => [AXES[view.axis].fromLogit(z), value(z)]);
  return { look, name, value, points };
}

function family(view, cost) {
  const focal = { gamma_pos: view.gamma_neg, gamma_neg: view.gamma_neg, margin: 0 };
  return [
    line("cross_entropy", "cross-entropy", (z) => cost(z, CROSS_ENTROPY), view),
    line("focal", `focal, γ = ${shownSetting(view.gamma_neg)}`, (z) => cost(z, focal), view),
    line("asymmetric", "asymmetric", (z) => cost(z, view), view),
  ];
}

function shownSetting(value) {
  return String(Math.round(value * 100) / 100);
}

function percent(share) {
  return `${Math.round(1000 * share) / 10} %`;
}

function lossPanel(view, cost) {
  const high = view.axis === "p" ? 3 : 6;
  const y = { low: 0, high, ticks: ticks(0, high, high / 6) };
  return { x: AXES[view.axis], y, lines: family(view, cost), regions: [], marks: [], head: 10, cursor: "z" };
}

function gradientPanel(view, slope, sign) {
  const lines = family(view, slope);
  const largest = Math.max(...lines.flatMap(({ points }) => points.map(([, y]) => sign * y)));
  const high = Math.ceil(4 * largest - 1e-6) / 4;
  const y = sign > 0 ? { low: 0, high, ticks: ticks(0, high, 0.25) } : { low: -high, high: 0, ticks: ticks(-high, 0, 0.25) };
  return { x: AXES[view.axis], y, lines, regions: [], marks: [], head: 44, cursor: "z" };
}

// The three regimes of eq. 6: nothing below the margin, more and more up to the peak, and beyond it less again.
function regimes(view) {
  const panel = gradientPanel(view, negativeGradient, 1), { x, y } = panel;
  const peak = gradientPeak(view), at = Math.min(x.fromLogit(peak), x.high);
  const start = view.margin > 0 ? Math.max(x.fromLogit(logit(view.margin)), x.low) : x.low;
  if (view.margin > 0 || peak < Infinity) {
    panel.regions = [
      { low: x.low, high: start, shaded: true, words: ["hard threshold", "not counted"] },
      { low: start, high: at, shaded: false, words: ["soft threshold", "easy ones count little"] },
      { low: at, high: x.high, shaded: true, words: ["mislabelled", "counted less"] },
    ];
  }
  if (peak < Infinity && at < x.high) {
    const dot = [at, negativeGradient(peak, view)];
    panel.marks = [{ name: `p* = ${sigmoid(peak).toFixed(3)}`, points: [[at, y.low], [at, y.high]], dot }];
  }
  return panel;
}

function recalibrationPanel(view) {
  const x = AXES[view.axis], top = ceiling(view);
  const lines = [
    line("cross_entropy", "cross-entropy", sigmoid, view),
    line("asymmetric", view.hidden > 0 ? "asymmetric, all noted" : "asymmetric", (z) => recalibrate(z, view), view),
  ];
  if (view.hidden > 0) {
    const name = `asymmetric, ${percent(view.hidden)} hidden`;
    lines.push(line("partly-noted", name, (z) => trueProbability(z, view.hidden, view), view));
  }
  const marks = top < 1 ? [{ name: `ceiling ${top.toFixed(3)}`, points: [[x.low, top], [x.high, top]] }] : [];
  return { x, y: SCORES, lines, regions: [], marks, head: 10, cursor: "z" };
}

// The best score against the true probability, drawn the other way round: each score with the probability it is best for.
function bestScores(view, hidden) {
  const found = [[0, bestScore(0, hidden, view)]];
  for (const z of [...logits("p", view.margin), ...logits("z", 0)].sort((a, b) => a - b)) {
    const eta = recalibrate(z, view) / (1 - hidden);
    if (eta > 0 && eta < 1) found.push([eta, sigmoid(z)]);
  }
  const full = ceiling(view) / (1 - hidden);
  return [...found, ...(full < 1 ? [[full, 1]] : []), [1, bestScore(1, hidden, view)]];
}

function hiddenPanel(view) {
  const share = view.hidden, words = share > 0 ? `, ${percent(share)} hidden` : "";
  const lines = [
    { look: "cross_entropy", name: `cross-entropy${words}`, value: (eta) => eta * (1 - share), points: [[0, 0], [1, 1 - share]] },
  ];
  if (share > 0) {
    const value = (eta) => bestScore(eta, share, view);
    lines.push({ look: "partly-noted", name: `asymmetric${words}`, value, points: bestScores(view, share) });
  }
  const name = share > 0 ? "asymmetric, all noted" : "asymmetric";
  lines.push({ look: "asymmetric", name, value: (eta) => bestScore(eta, 0, view), points: bestScores(view, 0) });
  const also = [{ name: "asymmetric, recalibrated", value: (eta) => notedProbability(eta, share, view) }];
  const marks = share > 0 ? [{ name: "score = η", points: [[0, 0], [1, 1]] }] : [];
  return { x: TRUTH, y: SCORES, lines, also, regions: [], marks, head: 10, cursor: "eta" };
}

const PANELS = {
  "negative-loss": (view) => lossPanel(view, negativeLoss),
  "positive-loss": (view) => lossPanel(view, positiveLoss),
  "negative-gradient": regimes,
  "positive-gradient": (view) => gradientPanel(view, positiveGradient, -1),
  recalibration: recalibrationPanel,
  hidden: hiddenPanel,
};
