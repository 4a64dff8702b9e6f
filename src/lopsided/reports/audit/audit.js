"use strict";
// Decisions of this page: kept in the browser as they are made, saved as CSV when asked for.
const cards = [...document.querySelectorAll(".card")];
const progress = document.getElementById("progress");
const filter = document.getElementById("filter");
const key = "lopsided-audit-" + document.body.dataset.key;
const WORDS = { missing: { accept: "will be added", reject: "stays absent" }, wrong: { accept: "will be removed", reject: "stays" } };
let decisions = {};  // number of the card -> "accept" or "reject"
let history = [];  // of [number, what was decided before], the last one last
let current = 0;

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(key)) || {};
    for (const [number, decision] of Object.entries(kept)) {
      if (cards[number] && decision in WORDS.missing) decisions[number] = decision;
    }
  } catch { decisions = {}; }  // no storage here, or not what this page wrote
}

function keep() {
  try { localStorage.setItem(key, JSON.stringify(decisions)); } catch { /* private windows have none: saving works */ }
}

function draw(number) {
  const card = cards[number], decision = decisions[number];
  card.classList.toggle("accept", decision === "accept");
  card.classList.toggle("reject", decision === "reject");
  card.querySelector(".said").textContent = decision ? WORDS[card.dataset.kind][decision] : "";
  for (const button of card.querySelectorAll("button")) button.setAttribute("aria-pressed", button.dataset.decision === decision);
}

function tell() {
  const made = Object.values(decisions), accepted = made.filter((decision) => decision === "accept").length;
  progress.textContent = `${made.length} of ${cards.length} decided, ${accepted} accepted`;
}

function isShown(number) {
  return cards[number] && !cards[number].hidden;
}

function moveTo(number, { focus = true } = {}) {
  if (!isShown(number)) return;
  for (const button of cards[current].querySelectorAll("button")) button.tabIndex = -1;
  cards[current].classList.remove("current");
  cards[current].tabIndex = -1;
  current = number;
  cards[current].classList.add("current");
  cards[current].tabIndex = 0;
  for (const button of cards[current].querySelectorAll("button")) button.tabIndex = 0;
  if (focus) {
    cards[current].focus({ preventScroll: true });
    cards[current].scrollIntoView({ block: "nearest" });
  }
}

function step(by) {
  let number = current + by;
  while (number >= 0 && number < cards.length && !isShown(number)) number += by;
  moveTo(number);
}

// The card above or below: the nearest in the next line of the grid.
function stepLine(by) {
  const here = cards[current].getBoundingClientRect();
  let best = -1, distance = Infinity, line = null;
  for (let number = current + by; number >= 0 && number < cards.length; number += by) {
    if (!isShown(number)) continue;
    const there = cards[number].getBoundingClientRect();
    if (Math.abs(there.top - here.top) < 2) continue;
    if (line === null) line = there.top;
    if (Math.abs(there.top - line) > 2) break;
    if (Math.abs(there.left - here.left) < distance) [best, distance] = [number, Math.abs(there.left - here.left)];
  }
  if (best >= 0) moveTo(best);
}

function set(number, decision) {
  if (decision) decisions[number] = decision; else delete decisions[number];
  draw(number);
  keep();
  tell();
}

function decide(number, decision) {
  if (!isShown(number)) return;
  history.push([number, decisions[number]]);
  set(number, decision);
  moveTo(number);
  let next = number + 1;
  while (next < cards.length && (!isShown(next) || decisions[next])) next += 1;
  if (next < cards.length) moveTo(next);
}

function undo() {
  if (!history.length) return;
  const [number, before] = history.pop();
  set(number, before);
  cards[number].hidden = false;
  moveTo(number);
}

function show() {
  const wanted = filter.value, label = wanted.startsWith("label:") ? wanted.slice(6) : null;
  cards.forEach((card, number) => {
    card.hidden = label !== null ? card.dataset.label !== label
      : wanted === "undecided" ? number in decisions
      : wanted !== "" && card.dataset.kind !== wanted;
  });
  const first = cards.findIndex((card) => !card.hidden);
  document.getElementById("none").hidden = first >= 0;
  if (first >= 0) moveTo(isShown(current) ? current : first, { focus: false });
}

function quoted(text) {
  return /^ |[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function save() {
  const lines = ["row,sample,label,kind,decision,content"];
  cards.forEach((card, number) => {
    if (!decisions[number]) return;
    const { row, sample, label, kind, content } = card.dataset;
    lines.push([row, sample, label, kind, decisions[number], content].map(quoted).join(","));
  });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  link.download = document.body.dataset.file;
  link.click();
  URL.revokeObjectURL(link.href);
  const count = lines.length - 1;
  progress.textContent = `saved ${count} decision${count === 1 ? "" : "s"} as ${link.download}`;
}

const KEYS = {
  a: () => decide(current, "accept"),
  r: () => decide(current, "reject"),
  u: undo,
  s: save,
  j: () => step(1),
  k: () => step(-1),
  ArrowRight: () => step(1),
  ArrowLeft: () => step(-1),
  ArrowDown: () => stepLine(1),
  ArrowUp: () => stepLine(-1),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target === filter) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act || !cards.length) return;
  event.preventDefault();
  act();
});
document.getElementById("cards").addEventListener("click", (event) => {
  const card = event.target.closest(".card");
  if (!card) return;
  const button = event.target.closest("button");
  if (button) decide(cards.indexOf(card), button.dataset.decision); else moveTo(cards.indexOf(card));
});
filter.addEventListener("change", show);
document.getElementById("save").addEventListener("click", save);

load();
cards.forEach((_, number) => draw(number));
tell();
if (cards.length) {
  const first = cards.findIndex((_, number) => !(number in decisions));
  moveTo(Math.max(first, 0), { focus: true });
}
