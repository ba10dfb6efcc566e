"use strict";
// All that the page says is there without this, too: it sorts and filters tables, and brings the why of a cell to it.
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);
for (const tools of all(".tools")) tools.hidden = false;

// Sorting: a button in each head; numbers as numbers, states by how grave they are.
function valueOf(cell) {
  const state = cell.querySelector("[data-rank]");
  const text = state ? state.dataset.rank : cell.textContent.trim();
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
function compare(one, other) {
  if (typeof one === typeof other) return one < other ? -1 : one > other ? 1 : 0;
  return typeof one === "number" ? -1 : 1;
}
function sort(table, head) {
  const column = [...head.parentNode.children].indexOf(head), falling = head.getAttribute("aria-sort") === "ascending";
  const keyed = [...table.tBodies[0].rows].map((row) => [column ? valueOf(row.cells[column]) : row.cells[0].textContent, row]);
  keyed.sort((one, other) => compare(one[0], other[0]) * (falling ? -1 : 1));
  table.tBodies[0].append(...keyed.map(([, row]) => row));
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", falling ? "descending" : "ascending");
}
for (const table of all("table.grid, table.sortable")) {
  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button"), title = head.querySelector("span");
    title.replaceWith(button);
    button.append(title);
    button.addEventListener("click", () => sort(table, head));
  }
}

// Filtering by state and name; what was chosen lasts until the page is closed.
const grid = byId("grid"), only = byId("only"), named = byId("named");
function remember(key, value) { try { sessionStorage.setItem(key, value); } catch { /* then it is not kept */ } }
function remembered(key) { try { return sessionStorage.getItem(key) ?? ""; } catch { return ""; } }
function filter() {
  const wanted = named.value.trim().toLowerCase(), rows = [...grid.tBodies[0].rows];
  for (const row of rows) {
    const states = all("[data-state]", row).map((cell) => cell.dataset.state);
    row.hidden = !(row.cells[0].textContent.toLowerCase().includes(wanted) && (!only.value || states.includes(only.value)));
  }
  byId("shown").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} shown`;
  remember("only", only.value);
  remember("named", named.value);
}
if (grid) {
  only.value = remembered("only");
  named.value = remembered("named");
  only.addEventListener("change", filter);
  named.addEventListener("input", filter);
  only.form.addEventListener("submit", (event) => event.preventDefault());
  filter();

  // One stop of the tab key for the whole grid; the arrows move in it.
  const cells = all("a.state", grid);
  for (const cell of cells.slice(1)) cell.tabIndex = -1;
  grid.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const cell = event.target.closest("a.state");
    if (!steps || !cell) return;
    event.preventDefault();
    const rows = [...grid.tBodies[0].rows].filter((row) => !row.hidden), row = cell.closest("tr");
    const column = [...row.cells].indexOf(cell.closest("td"));
    const next = rows[rows.indexOf(row) + steps[0]]?.cells[column + steps[1]]?.querySelector("a.state");
    if (!next) return;
    for (const other of cells) other.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

// Why a cell is as it is, beside it.
const dialog = byId("why");
function show(cell) {
  const found = document.getElementById(decodeURIComponent(cell.hash.slice(1)));
  const body = byId("why-body"), copy = found.cloneNode(true), title = copy.querySelector("h3") ?? document.createElement("h3");
  copy.removeAttribute("id");
  if (!title.parentNode) title.textContent = cell.dataset.stage;
  title.id = "why-title";
  body.replaceChildren(...(title.parentNode ? [copy] : [title, copy]));
  dialog.showModal();
}
document.addEventListener("click", (event) => {
  const cell = event.target.closest("a.state");
  if (!cell) return;
  event.preventDefault();
  show(cell);
});
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

// A link to a plate opens it, and so does printing, all.
function open() {
  const found = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let place = found; place; place = place.parentElement) if (place.localName === "details") place.open = true;
  found?.scrollIntoView();
}
addEventListener("hashchange", open);
if (location.hash) open();
addEventListener("beforeprint", () => { for (const part of all("details.plate, #tables details, #funnel details")) part.open = true; });

// The map of a plate for another flag.
for (const select of all("select.flag")) {
  select.addEventListener("change", () => {
    const number = Number(select.value), flag = select.selectedOptions[0].textContent;
    for (const well of all("td[data-rows]", select.closest(".plate-map"))) {
      const rows = Number(well.dataset.rows), raised = Number(well.dataset.raised.split(",")[number]);
      const unknown = Number(well.dataset.unknown.split(",")[number]);
      well.className = unknown === rows ? "unknown" : `share${Math.ceil((raised / rows) * 4)}`;
      well.title = `${well.dataset.name}: ${raised} of ${rows} rows ${flag}${unknown ? `, of ${unknown} not known` : ""}`;
      const whole = document.createElement("small");
      whole.textContent = unknown === rows ? "" : `/${rows}`;
      well.replaceChildren(unknown === rows ? "?" : String(raised), whole);
    }
  });
}

// One experiment of many, in colour.
byId("shown-experiment")?.addEventListener("change", (event) => {
  for (const path of all("#by-experiment .dots")) {
    const chosen = path.dataset.experiment === event.target.value;
    path.classList.toggle("chosen", chosen);
    if (chosen) path.parentNode.append(path);
  }
});

// While a run goes on, the page is made anew; it waits while somebody reads why.
const seconds = Number(document.documentElement.dataset.renewed ?? 0);
if (seconds) setInterval(() => { if (byId("renew").checked && !dialog.open) location.reload(); }, seconds * 1000);
