// The setting: in the sliders, in the address, and in what the charts show.
const page = document.querySelector(".explorer");
const sliders = [...page.querySelectorAll("input[type=range]")];
const numbers = [...page.querySelectorAll("input[type=number]")];
const presets = [...page.querySelectorAll("[data-preset]")];
const axes = [...page.querySelectorAll("input[type=radio]")];
const said = page.querySelector("[role=status]");
const NUMBERS = sliders.map((slider) => slider.dataset.name);
const opening = { ...JSON.parse(page.dataset.opening), axis: "p", z: 0, eta: 0.5 };
const state = { ...opening };
const charts = [...page.querySelectorAll("svg.chart")].map((svg) => ({
  chart: new Chart(svg), svg, make: PANELS[svg.dataset.panel], values: svg.parentElement.querySelector(".values"),
}));
let shown = { ...state };  // what is drawn, which follows the state
let gliding = 0, waiting = 0;

function bounded(name, value) {
  const slider = sliders.find((each) => each.dataset.name === name);
  const [low, high] = slider ? [Number(slider.min), Number(slider.max)] : name === "eta" ? [0, 1] : [-MOST, MOST];
  return Math.min(Math.max(value, low), high);
}

// What an address says, as far as it says it: `#gamma_neg=4&axis=z`.
function fromAddress(hash) {
  const found = {};
  for (const [name, text] of new URLSearchParams(hash.slice(1))) {
    if (name === "axis" && Object.hasOwn(AXES, text)) found.axis = text;
    else if ([...NUMBERS, "z", "eta"].includes(name) && text.trim() && Number.isFinite(Number(text))) {
      found[name] = bounded(name, Number(text));
    }
  }
  return found;
}

function toAddress() {
  const parts = NUMBERS.map((name) => `${name}=${Number(state[name].toFixed(4))}`);
  return `#${parts.join("&")}&axis=${state.axis}&z=${Number(state.z.toFixed(4))}&eta=${Number(state.eta.toFixed(4))}`;
}

function writeAddress() {
  clearTimeout(waiting);
  try { history.replaceState(null, "", toAddress()); } catch { /* too often for this browser: the next change does it */ }
}

function showControls() {
  for (const input of [...sliders, ...numbers]) {
    if (input !== document.activeElement || input.type === "range") input.value = Number(state[input.dataset.name].toFixed(4));
  }
  for (const button of presets) {
    const preset = JSON.parse(button.dataset.preset);
    button.setAttribute("aria-pressed", Object.keys(preset).every((name) => preset[name] === state[name]));
  }
  for (const radio of axes) radio.checked = radio.value === state.axis;
}

function read({ chart, svg, values }) {
  const { panel } = chart, onLogits = panel.cursor === "z", at = onLogits ? state.z : state.eta;
  const x = onLogits ? panel.x.fromLogit(at) : at;
  const found = panel.lines.map(({ value }) => value(at));
  chart.point(x, found);
  const place = onLogits ? `p = ${shownNumber(sigmoid(at))}, z = ${shownNumber(at)}` : `η = ${shownNumber(at)}`;
  const rows = [...panel.lines.map(({ look, name }, i) => ({ look, name, value: found[i] })),
    ...(panel.also ?? []).map(({ name, value }) => ({ look: "", name, value: value(at) }))];
  values.querySelector(".place").textContent = `at ${place}`;
  values.querySelector("dl").replaceChildren(...rows.map(({ look, name, value }) => {
    const row = document.createElement("div"), term = document.createElement("dt"), number = document.createElement("dd");
    const swatch = element(term, "svg", { class: "sample", viewBox: "0 0 30 10", "aria-hidden": "true" });
    if (look) element(swatch, "path", { d: "M1 5H29", class: `curve ${look}` });
    term.append(name);
    number.textContent = shownNumber(value);
    row.append(term, number);
    return row;
  }));
  svg.setAttribute("aria-valuemin", panel.x.low);
  svg.setAttribute("aria-valuemax", panel.x.high);
  svg.setAttribute("aria-valuenow", Number(x.toFixed(3)));
  svg.setAttribute("aria-valuetext", `${place}: ${rows.map(({ name, value }) => `${name} ${shownNumber(value)}`).join(", ")}`);
}

function draw() {
  for (const each of charts) {
    each.chart.draw(each.make(shown));
    read(each);
  }
}

// Draw the way from what is shown to the state, at once where nothing shall move.
function glide() {
  cancelAnimationFrame(gliding);
  const from = shown, began = performance.now();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const step = (now) => {
    const share = still ? 1 : Math.min(Math.max((now - began) / 350, 0), 1), eased = share * share * (3 - 2 * share);
    shown = { ...state };
    if (share < 1) for (const name of NUMBERS) shown[name] = from[name] + eased * (state[name] - from[name]);
    draw();
    if (share < 1) gliding = requestAnimationFrame(step);
  };
  gliding = requestAnimationFrame(step);
}

function change(values, { smoothly = false } = {}) {
  Object.assign(state, values);
  showControls();
  clearTimeout(waiting);
  waiting = setTimeout(writeAddress, 150);
  if (smoothly) return glide();
  cancelAnimationFrame(gliding);
  gliding = requestAnimationFrame(() => { shown = { ...state }; draw(); });
}

function moveTo(panel, x) {
  if (panel.cursor === "eta") state.eta = Math.min(Math.max(x, 0), 1);
  else state.z = toLogit(state.axis, Math.min(Math.max(x, panel.x.low), panel.x.high));
  for (const each of charts) if (each.chart.panel.cursor === panel.cursor) read(each);
  clearTimeout(waiting);
  waiting = setTimeout(writeAddress, 150);
}

function onKey(event, { chart: { panel } }) {
  const { low, high, step } = panel.x, x = panel.cursor === "eta" ? state.eta : panel.x.fromLogit(state.z);
  const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey || !(by || event.key === "Home" || event.key === "End")) return;
  event.preventDefault();
  const steps = Math.round(x / step) + by * (event.shiftKey ? 10 : 1);
  moveTo(panel, by ? steps * step : event.key === "Home" ? low : high);
}

async function copy() {
  writeAddress();
  try {
    await navigator.clipboard.writeText(location.href);
    said.textContent = "Link copied.";
  } catch {
    said.textContent = "Copying is not allowed here: the link is in the address bar.";
  }
}

for (const input of [...sliders, ...numbers]) {
  input.addEventListener("input", () => {
    if (Number.isFinite(input.valueAsNumber)) change({ [input.dataset.name]: bounded(input.dataset.name, input.valueAsNumber) });
  });
  input.addEventListener("blur", showControls);
}
for (const button of presets) button.addEventListener("click", () => change(JSON.parse(button.dataset.preset), { smoothly: true }));
for (const radio of axes) radio.addEventListener("change", () => change({ axis: radio.value }));
for (const each of charts) {
  const follow = (event) => moveTo(each.chart.panel, each.chart.under(event));
  each.svg.addEventListener("pointermove", follow);
  each.svg.addEventListener("pointerdown", follow);
  each.svg.addEventListener("keydown", (event) => onKey(event, each));
}
page.querySelector("[data-act=copy]").addEventListener("click", copy);
page.querySelector("[data-act=theme]")?.addEventListener("click", () => {
  const { dataset } = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
  dataset.theme = (dataset.theme ?? (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
});
addEventListener("hashchange", () => {
  const found = fromAddress(location.hash);
  if (Object.keys(found).length) change(found, { smoothly: true });
});
let width = page.clientWidth;
new ResizeObserver(() => {
  if (page.clientWidth === width) return;
  width = page.clientWidth;
  draw();
}).observe(page);

Object.assign(state, fromAddress(location.hash));
shown = { ...state };
showControls();
draw();
