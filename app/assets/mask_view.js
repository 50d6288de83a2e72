// Masks over the page's clip, and what they leave to the scan. `props.value` is what
// app/components/mask_view.py gives, packed. Frames, time cursor and selected token are the page's
// (`window.scanscope`); strategies and token orders change without asking the server.
const scope = window.scanscope;
const value = scope.unpacker(() => props.value);
const find = (name) => element.querySelector(name);
const [main, cards, lines, sequence] = [".mv-main", ".mv-cards", ".mv-lines", ".mv-sequence"].map(find);
const [picture, reading, veil] = [".mv-picture", ".mv-reading", ".mv-veil"].map(find);
const state = {
  chosen: "", order: "", guided: true, pointed: null,
  sprite: null, address: "", orders: {}, strategies: {}, colors: {}, steps: [], cards: [],
};
const MOST_STEP = 66;
const STEP_FOOT = 11;

const scale = () => window.devicePixelRatio || 1;
const one = () => state.strategies[state.chosen];
const order = () => state.orders[state.order];
const stepAt = (frame) => Math.min(Math.floor(frame / value().tubelet), value().grid.t - 1);

function make(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

// ---------------------------------------------------------------- what the value says

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

function unpackOrder(packed) {
  return { ...packed, path: new Uint32Array(bytes(packed.path).buffer) };
}

function unpackStrategy(packed) {
  const { t, h, w } = value().grid;
  const bits = bytes(packed.mask);
  const hidden = Uint8Array.from({ length: t * h * w }, (_, token) =>
    (bits[token >> 3] >> (7 - (token & 7))) & 1);
  return { ...packed, hidden, scans: {}, lines: new Map(), veil: null, heat: null };
}

// What a token order finds of a mask: visible tokens in turn, where each stood among all tokens,
// and where the run that it belongs to begins and how long it is.
function scanOf(strategy, name) {
  if (strategy.scans[name]) return strategy.scans[name];
  const tokens = [];
  const places = [];
  state.orders[name].path.forEach((token, place) => {
    if (strategy.hidden[token]) return;
    tokens.push(token);
    places.push(place);
  });
  const runs = [];
  const runOf = tokens.map((_, index) => {
    if (index && places[index] === places[index - 1] + 1) runs[runs.length - 1].length += 1;
    else runs.push({ start: index, place: places[index], length: 1 });
    return runs.length - 1;
  });
  const found = { tokens, places, runs, runOf, index: new Map(tokens.map((token, i) => [token, i])) };
  strategy.scans[name] = found;
  return found;
}

const kindOf = (length) => {
  const taps = value().conv_width;
  return length === 1 ? 0 : length < taps ? 1 : length < 2 * taps ? 2 : 3;
};

// ---------------------------------------------------------------- building

function build() {
  const shown = value();
  if (!shown) return;
  const before = state.value;
  state.value = shown;
  state.orders = Object.fromEntries(shown.orders.map((one) => [one.name, unpackOrder(one)]));
  state.strategies = Object.fromEntries(shown.strategies.map((one) => [one.name, unpackStrategy(one)]));
  if (!before || before.chosen !== shown.chosen || !state.chosen) state.chosen = shown.chosen;
  if (!before || before.order !== shown.order) state.order = shown.order;
  state.pointed = null;
  loadHeats();
  buildOrders();
  buildLegend();
  buildSteps();
  buildCards();
  readColors();
  loadSprite();
  find(".mv-save").disabled = false;
  main.dataset.clip = shown.clip.name;
  showChosen();
}

function loadHeats() {
  for (const strategy of Object.values(state.strategies)) {
    if (!strategy.guide) continue;
    strategy.heat = new Image();
    strategy.heat.onload = paintAll;
    strategy.heat.src = strategy.guide.heat;
  }
}

function buildOrders() {
  find(".mv-orders").replaceChildren(...value().orders.map(({ name, title, words }) => {
    const button = make("button", "film-button", title);
    button.type = "button";
    button.title = words;
    button.dataset.order = name;
    button.addEventListener("click", () => { state.order = name; showChosen(); });
    return button;
  }));
}

function buildLegend() {
  const taps = value().conv_width;
  const words = ["alone", taps > 3 ? `2\u2013${taps - 1}` : "2", `${taps}\u2013${2 * taps - 1}`,
    `${2 * taps} and more`];
  find(".mv-legend").replaceChildren(make("span", "", "Tokens that stood together:"),
    ...words.map((text, kind) => {
      const entry = make("span", "", text);
      const mark = document.createElement("i");
      mark.style.setProperty("--run", `var(--run-${kind + 1})`);
      entry.prepend(mark);
      return entry;
    }));
}

function buildSteps() {
  const { grid: { t }, tubelet } = value();
  const steps = find(".mv-steps");
  if (state.steps.length !== t || state.tubelet !== tubelet) {
    state.tubelet = tubelet;
    state.steps = Array.from({ length: t }, (_, step) => {
      const node = make("button", "mv-step");
      node.type = "button";
      const canvas = document.createElement("canvas");
      const bar = make("span", "mv-left-share");
      const fill = document.createElement("i");
      bar.append(fill);
      node.append(canvas, bar);
      node.addEventListener("click", () => {
        scope.stop();
        scope.moveTo({ frame: step * value().tubelet, token: null });
      });
      return { node, canvas, fill };
    });
    steps.replaceChildren(...state.steps.map(({ node }) => node));
    laySteps();
  }
}

// The largest pictures with which all time steps fit, in one row or several.
function laySteps() {
  const place = find(".mv-steps");
  const count = state.steps.length;
  if (!count || !place.clientWidth) return;
  let best = { size: 0, columns: 1 };
  for (let rows = 1; rows <= 4; rows += 1) {
    const columns = Math.ceil(count / rows);
    const wide = (place.clientWidth - 4 * (columns - 1)) / columns;
    const high = (place.clientHeight - 2 * (rows - 1)) / rows - STEP_FOOT;
    const size = Math.min(wide, high, MOST_STEP);
    if (size > best.size) best = { size, columns };
  }
  place.style.gridTemplateColumns = `repeat(${best.columns}, ${best.size}px)`;
}

function buildCards() {
  state.cards = value().strategies.map((strategy) => {
    const card = make("button", "mv-card");
    card.type = "button";
    card.dataset.strategy = strategy.name;
    card.style.setProperty("--strategy", strategy.color);
    card.title = strategy.rule;
    const head = make("span", "mv-card-head");
    head.append(make("strong", "", strategy.title), make("span", "badge badge-plain", strategy.origin));
    const body = make("span", "mv-card-body");
    const frame = make("canvas", "mv-card-picture");
    const strip = make("canvas", "mv-card-lines");
    body.append(frame, strip);
    const foot = make("span", "mv-card-foot");
    foot.append(make("span", "mv-card-run"), make("span", "", `${strategy.real} hidden`));
    card.append(head, body, foot);
    card.addEventListener("click", () => choose(strategy.name));
    return { name: strategy.name, card, frame, strip, run: foot.firstChild };
  });
  cards.replaceChildren(...state.cards.map(({ card }) => card), find(".mv-note"));
}

// ---------------------------------------------------------------- what is chosen

function choose(name) {
  if (name === state.chosen) return;
  state.chosen = name;
  showChosen();
  trigger("choose", { strategy: name });
}

function showChosen() {
  const strategy = one();
  find(".mv-title").textContent = strategy.title;
  find(".mv-origin").textContent = strategy.origin;
  find(".mv-count").textContent = strategy.count;
  find(".mv-rule").textContent = strategy.rule;
  find(".mv-order-words").textContent = order().words;
  const guide = find(".mv-guide");
  guide.textContent = strategy.guide?.button ?? "";
  guide.style.visibility = strategy.guide ? "" : "hidden";
  guide.setAttribute("aria-pressed", String(Boolean(strategy.guide) && state.guided));
  find(".mv-key").style.visibility = strategy.guide && state.guided ? "" : "hidden";
  find(".mv-key-words").textContent = strategy.guide?.words ?? "";
  for (const button of element.querySelectorAll("[data-order]")) {
    button.setAttribute("aria-pressed", String(button.dataset.order === state.order));
  }
  const drop = find(".mv-drop");
  const run = strategy.runs[state.order];
  drop.replaceChildren("Without the hidden ones, the scan reads ", make("b", "", run.count),
    `, ${run.mean} a run on average.`);
  find(".mv-note").textContent = order().note;
  for (const { name, card, run: place } of state.cards) {
    card.setAttribute("aria-pressed", String(name === state.chosen));
    place.replaceChildren("mean run ", make("b", "", state.strategies[name].runs[state.order].mean));
  }
  const { ratio, seed, fresh } = value();
  const asked = [state.chosen, ratio, seed].join();
  scope.linkTo("mask", asked === fresh ? "" : asked);
  showCounts();
  paintAll();
}

function showCounts() {
  const { h, w } = value().grid;
  state.steps.forEach(({ node, fill }, step) => {
    const left = h * w - one().hidden.subarray(step * h * w, (step + 1) * h * w)
      .reduce((sum, bit) => sum + bit, 0);
    fill.style.width = `${(100 * left) / (h * w)}%`;
    node.title = `${capital(framesOf(step))}: ${left} of ${h * w} patches visible`;
    node.ariaLabel = node.title;
  });
}

// ---------------------------------------------------------------- pointing

for (const [name, canvas] of Object.entries({ picture, lines, sequence })) {
  canvas.addEventListener("pointermove", (event) => { if (one()) point(tokenIn[name](event)); });
  canvas.addEventListener("pointerleave", () => { if (one()) point(null); });
  canvas.addEventListener("click", (event) => {
    const token = one() ? tokenIn[name](event) : null;
    if (token === null || !fits()) return;
    scope.stop();
    scope.selectToken(token);
  });
}

// ---------------------------------------------------------------- wiring

function follow() {
  const button = find(".mv-play");
  button.innerHTML = scope.playing ? "&#10073;&#10073;" : "&#9654;";
  button.ariaLabel = scope.playing ? "Pause" : "Play";
  if (!value() || !one() || element.offsetParent === null) return;
  paintPicture();
  paintCardPictures();
  if (!scope.playing) { paintScan(); read(); }
}

find(".mv-play").addEventListener("click", scope.togglePlay);
find(".mv-save").addEventListener("click", save);
veil.addEventListener("input", () => { paintPicture(); paintSteps(); paintCardPictures(); });
find(".mv-guide").addEventListener("click", () => { state.guided = !state.guided; showChosen(); });
scope.listen(element, { clip: () => { loadSprite(); paintAll(); }, cursor: follow });
new MutationObserver(() => { if (value()) { readColors(); paintAll(); } })
  .observe(document.body, { attributeFilter: ["class"] });
new ResizeObserver(() => requestAnimationFrame(paintAll)).observe(main);
watch("value", build);
build();
