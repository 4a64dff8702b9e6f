"use strict";
// Loss, gradient and recalibration of one element in float64, eq. 1 to 6, as lopsided.losses has them. A setting is
// { gamma_pos, gamma_neg, margin }. No eps: every logarithm gets an argument that can't be 0.
const LARGEST_LOGIT = 0.9 * 1022 * Math.LN2;  // far beyond it 1 - p would be 0, and a quotient undefined

function softplus(x) {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
}

function sigmoid(z) {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}

function logit(p) {
  return Math.log(p) - Math.log1p(-p);
}

// What value and gradient of a negative have in common: focus p_m^γ−, cost -log(1 - p_m), its slope in z, and its
// secant cost / p_m * p * q.
function negativeParts(z, { gamma_neg, margin }) {
  const p = sigmoid(z), q = sigmoid(-z);
  if (margin === 0) {
    const cost = softplus(z);
    return { focus: p ** gamma_neg, cost, steepness: p, secant: cost * q };
  }
  const shifted = p - margin, rest = q + margin;  // eq. 4; rest keeps its digits for large p, shifted for small p
  if (shifted <= 0) return { focus: 0, cost: 0, steepness: 0, secant: 0 };
  const cost = shifted < 0.5 ? -Math.log1p(-shifted) : -Math.log(rest);
  return { focus: shifted ** gamma_neg, cost, steepness: (p * q) / rest, secant: (cost / shifted) * p * q };
}

function negativeLoss(z, setting) {
  const { focus, cost } = negativeParts(z, setting);
  return focus * cost;
}

function positiveLoss(z, { gamma_pos }) {
  return sigmoid(-z) ** gamma_pos * softplus(-z);
}

// Eq. 6, by the logit.
function negativeGradient(z, setting) {
  const { focus, steepness, secant } = negativeParts(z, setting);
  return focus * (steepness + setting.gamma_neg * secant);
}

function positiveGradient(z, { gamma_pos }) {
  const q = sigmoid(-z);
  return -(q ** gamma_pos) * (q + gamma_pos * sigmoid(z) * softplus(-z));
}

// Probability of the positive class, given the logit of a network that minimises the expected loss.
function recalibrate(z, setting) {
  const bounded = Math.min(Math.max(z, -LARGEST_LOGIT), LARGEST_LOGIT);
  const rise = negativeGradient(bounded, setting);
  return rise / (rise - positiveGradient(bounded, setting));
}

// What recalibrate gives at p = 1: nothing above it can be told from the score.
function ceiling({ gamma_pos, gamma_neg, margin }) {
  if (gamma_pos > 0 || margin === 0) return 1;
  const c = (1 - margin) ** gamma_neg * (1 / margin - (gamma_neg * Math.log(margin)) / (1 - margin));
  return c / (1 + c);
}

// The logit at which the expected loss is least where the positive class has probability `eta` and the share `hidden`
// of positives is noted as negative: then eta (1 - hidden) is noted as positive, and recalibrate, which rises with the
// logit, gives just that. From the ceiling on there is no best logit but infinity; at 0 all below the margin are best,
// and the highest of them is the limit.
function bestLogit(eta, hidden, setting) {
  const noted = eta * (1 - hidden);
  if (noted >= ceiling(setting)) return Infinity;
  let low = setting.margin > 0 ? logit(setting.margin) : -LARGEST_LOGIT, high = LARGEST_LOGIT;
  if (noted <= 0) return setting.margin > 0 ? low : -Infinity;
  while (high - low > 1e-12 * Math.max(1, Math.abs(low))) {
    const middle = (low + high) / 2;
    if (recalibrate(middle, setting) < noted) low = middle; else high = middle;
  }
  return (low + high) / 2;
}

function bestScore(eta, hidden, setting) {
  return sigmoid(bestLogit(eta, hidden, setting));
}

// What recalibrate makes of that score.
function notedProbability(eta, hidden, setting) {
  return Math.min(eta * (1 - hidden), ceiling(setting));
}

// What a score says about the true probability if it is known which share is hidden.
function trueProbability(z, hidden, setting) {
  return Math.min(recalibrate(z, setting) / (1 - hidden), 1);
}

// The logit at which the gradient of a negative is largest, by golden section; Infinity where it grows all the way.
function gradientPeak(setting) {
  if (setting.margin === 0 && setting.gamma_neg === 0) return Infinity;
  const golden = (Math.sqrt(5) - 1) / 2;
  let low = setting.margin > 0 ? logit(setting.margin) : -40, high = 40;
  while (high - low > 1e-9) {
    const left = high - golden * (high - low), right = low + golden * (high - low);
    if (negativeGradient(left, setting) < negativeGradient(right, setting)) low = left; else high = right;
  }
  const peak = (low + high) / 2;
  return sigmoid(-peak) < 1e-9 ? Infinity : peak;
}
