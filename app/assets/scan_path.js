// The path of every chosen scan order, drawn token by token over the sampled frames.
//
// Runs as the `js_on_load` of one gr.HTML: `element`, `props` and `watch` come from Gradio. Value:
//   {grid: {t, h, w}, token_orders: {name: [canonical index per scan position]},
//    orders: [{name, title, badges: [{text, tone}], lanes: [{caption, forward, backward}]}]}
// Frames, time cursor and selected token are those of the page (`window.scanscope`).

const DURATION_MS = 7000;
const TRAIL_TOKENS = 10;
const GAP = 6;
const MIN_CELL = 3.5;
const MAX_TILE = 132;
const VEIL = 0.3;
const GRID = 0.45;

const state = { progress: 1, playing: false, direction: "both", cards: [], positions: {} };
const controls = {
  play: element.querySelector(".path-play"),
  slider: element.querySelector(".path-slider"),
  step: element.querySelector(".path-step"),
  directions: element.querySelectorAll(".path-direction"),
};
const cardArea = element.querySelector(".path-cards");
const sprite = new Image();
const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");

const value = window.scanscope.unpacker(() => props.value);
const page = () => window.scanscope || {};
const tokenCount = () => { const { t, h, w } = value().grid; return t * h * w; };

function selectedToken() {
  const chosen = page().cursor && page().cursor.token;
  if (Number.isInteger(chosen) && chosen < tokenCount()) return chosen;
  const { t, h, w } = value().grid;
  return (Math.floor((t - 1) / 2) * h + Math.floor((h - 1) / 2)) * w + Math.floor((w - 1) / 2);
}

// Colours are read once per layout: asking for computed style in every frame is slow.
function readColors() {
  const style = getComputedStyle(element);
  const color = (name) => style.getPropertyValue(name).trim();
  state.colors = { ink: color("--ink"), surface: color("--surface-raised"), line: color("--line"),
    chosen: color("--cursor") };
  for (const { order } of state.cards) state.colors[order.name] = color(`--order-${order.name}`);
}

// ---------------------------------------------------------------- cards

function make(tag, className, content = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = content;
  return node;
}

function buildCards() {
  cardArea.replaceChildren();
  state.cards = [];
  const shown = value();
  element.querySelector(".path-empty").hidden = Boolean(shown && shown.orders.length);
  element.querySelector(".path-player").hidden = !(shown && shown.orders.length);
  if (!shown) return;
  state.positions = {};
  for (const [name, order] of Object.entries(shown.token_orders)) {
    const position = new Int32Array(order.length);
    order.forEach((token, step) => { position[token] = step; });
    state.positions[name] = position;
  }
  for (const order of shown.orders) cardArea.append(buildCard(order));
}

function buildCard(order) {
  const card = make("section", "path-card");
  card.style.setProperty("--order-color", `var(--order-${order.name})`);
  const head = make("header", "path-card-head");
  head.append(make("h4", "path-title", order.title));
  for (const { text, tone } of order.badges) {
    head.append(make("span", `badge badge-${tone}`, text));
  }
  card.append(head);
  for (const lane of order.lanes) {
    const canvas = make("canvas", "path-canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${order.title}, ${lane.caption}`);
    const reading = make("p", "path-reading");
    card.append(make("p", "path-lane", lane.caption), canvas, reading);
    const built = { order, lane, canvas, reading, width: 0 };
    canvas.addEventListener("click", (event) => selectAt(built, event));
    state.cards.push(built);
  }
  return card;
}

// ---------------------------------------------------------------- geometry of one canvas

function layout(card) {
  const { t, h, w } = value().grid;
  const width = card.canvas.clientWidth;
  const fits = Math.max(1, Math.floor((width + GAP) / (w * MIN_CELL + GAP)));
  const rows = Math.ceil(t / Math.min(t, fits));
  const columns = Math.ceil(t / rows);
  const tile = Math.min(MAX_TILE, (width - GAP * (columns - 1)) / columns);
  const tileHeight = (tile * h) / w;
  Object.assign(card, { width, columns, tile, tileHeight, cell: tile / w });
  const height = Math.ceil(rows * tileHeight + (rows - 1) * GAP);
  const scale = window.devicePixelRatio || 1;
  card.canvas.style.height = `${height}px`;
  card.canvas.width = Math.round(width * scale);
  card.canvas.height = Math.round(height * scale);
  card.base = paintBase(card);
  card.visited = blank(card);
  card.drawn = { forward: 0, backward: 0 };
}

function corner(card, frame) {
  return {
    x: (frame % card.columns) * (card.tile + GAP),
    y: Math.floor(frame / card.columns) * (card.tileHeight + GAP),
  };
}

function cellOf(card, token) {
  const { h, w } = value().grid;
  const frame = Math.floor(token / (h * w));
  const place = token % (h * w);
  const { x, y } = corner(card, frame);
  return { x: x + (place % w) * card.cell, y: y + Math.floor(place / w) * card.cell };
}

function centreOf(card, token) {
  const { x, y } = cellOf(card, token);
  return { x: x + card.cell / 2, y: y + card.cell / 2 };
}

function selectAt(card, event) {
  const { t, h, w } = value().grid;
  const box = card.canvas.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const frame = Math.floor(y / (card.tileHeight + GAP)) * card.columns
    + Math.floor(x / (card.tile + GAP));
  if (frame < 0 || frame >= t) return;
  const origin = corner(card, frame);
  const [column, row] = [Math.floor((x - origin.x) / card.cell), Math.floor((y - origin.y) / card.cell)];
  if (column < 0 || row < 0 || column >= w || row >= h || !page().clip) return;
  page().selectToken((frame * h + row) * w + column);
}

// ---------------------------------------------------------------- painting

function blank(card) {
  const layer = document.createElement("canvas");
  layer.width = card.canvas.width;
  layer.height = card.canvas.height;
  const scale = window.devicePixelRatio || 1;
  layer.getContext("2d").scale(scale, scale);
  return layer;
}

function paintBase(card) {
  const { t, h, w } = value().grid;
  const layer = blank(card);
  const pen = layer.getContext("2d");
  const clip = page().clip;
  const ready = clip && sprite.complete && sprite.naturalWidth > 0;
  for (let frame = 0; frame < t; frame += 1) {
    const { x, y } = corner(card, frame);
    pen.fillStyle = state.colors.line;
    pen.fillRect(x, y, card.tile, card.tileHeight);
    if (ready) {
      const index = Math.min(frame * (clip.tubelet || 1), clip.count - 1);
      const [left, top] = [(index % clip.columns) * clip.tile_width,
        Math.floor(index / clip.columns) * clip.tile_height];
      pen.drawImage(sprite, left, top, clip.tile_width, clip.tile_height,
        x, y, card.tile, card.tileHeight);
      pen.globalAlpha = VEIL;
      pen.fillStyle = state.colors.surface;
      pen.fillRect(x, y, card.tile, card.tileHeight);
      pen.globalAlpha = 1;
    }
    pen.strokeStyle = state.colors.surface;
    pen.globalAlpha = GRID;
    pen.lineWidth = 1;
    pen.beginPath();
    for (let column = 0; column <= w; column += 1) {
      pen.moveTo(x + column * card.cell, y);
      pen.lineTo(x + column * card.cell, y + card.tileHeight);
    }
    for (let row = 0; row <= h; row += 1) {
      pen.moveTo(x, y + row * card.cell);
      pen.lineTo(x + card.tile, y + row * card.cell);
    }
    pen.stroke();
    pen.globalAlpha = 1;
  }
  return layer;
}

// Tokens already read: filled going forward (deeper the later), dotted going backward.
function paintVisited(card, direction, count) {
  if (count < card.drawn[direction]) {
    card.visited = blank(card);
    card.drawn = { forward: 0, backward: 0 };
  }
  const pen = card.visited.getContext("2d");
  const order = value().token_orders[card.lane[direction]];
  const last = order.length - 1;
  pen.fillStyle = direction === "forward" ? state.colors[card.order.name] : state.colors.ink;
  for (let step = card.drawn[direction]; step < count; step += 1) {
    if (direction === "forward") {
      const { x, y } = cellOf(card, order[step]);
      pen.globalAlpha = 0.1 + (0.55 * step) / Math.max(1, last);
      pen.fillRect(x, y, card.cell, card.cell);
    } else {
      const { x, y } = centreOf(card, order[last - step]);
      pen.globalAlpha = 0.85;
      pen.beginPath();
      pen.arc(x, y, Math.max(0.8, card.cell * 0.11), 0, 2 * Math.PI);
      pen.fill();
    }
  }
  pen.globalAlpha = 1;
  card.drawn[direction] = count;
}

// A step to a neighbouring token is a line; a longer one is drawn as a hop.
function hop(card, pen, from, to) {
  const distance = Math.hypot(to.x - from.x, to.y - from.y);
  const lift = distance > 1.5 * card.cell ? Math.min(0.18 * distance, 1.6 * card.cell + 4) : 0;
  pen.moveTo(from.x, from.y);
  pen.quadraticCurveTo((from.x + to.x) / 2, (from.y + to.y) / 2 - lift, to.x, to.y);
}

function paintTrail(card, pen, direction, count) {
  const order = value().token_orders[card.lane[direction]];
  const length = order.length;
  const at = (step) => centreOf(card, direction === "forward" ? order[step] : order[length - 1 - step]);
  // Once everything is read only the two ends stand out.
  const tail = count < length ? Math.max(0, count - TRAIL_TOKENS) : count - 1;
  const forward = direction === "forward";
  pen.lineCap = "round";
  for (let step = tail + 1; step < count; step += 1) {
    pen.globalAlpha = (step - tail) / (count - tail);
    pen.beginPath();
    hop(card, pen, at(step - 1), at(step));
    pen.setLineDash([]);
    pen.lineWidth = 4.5;
    pen.strokeStyle = state.colors.surface;
    pen.stroke();
    pen.setLineDash(forward ? [] : [4, 4]);
    pen.lineWidth = 2;
    pen.strokeStyle = forward ? state.colors[card.order.name] : state.colors.ink;
    pen.stroke();
  }
  pen.globalAlpha = 1;
  pen.setLineDash([]);
  const head = at(count - 1);
  const radius = Math.max(3.5, Math.min(6, card.cell * 0.42));
  pen.beginPath();
  pen.arc(head.x, head.y, radius, 0, 2 * Math.PI);
  pen.fillStyle = forward ? state.colors[card.order.name] : state.colors.surface;
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = forward ? state.colors.surface : state.colors.ink;
  pen.stroke();
}

function paintSelected(card, pen) {
  const token = selectedToken();
  pen.strokeStyle = state.colors.chosen;
  pen.lineWidth = 2;
  const { x, y } = cellOf(card, token);
  pen.strokeRect(x, y, card.cell, card.cell);
  pen.lineWidth = 1;
  for (const { token: other } of neighbours(token)) {
    const place = cellOf(card, other);
    pen.strokeRect(place.x, place.y, card.cell, card.cell);
  }
}

function onScreen(card) {
  const { top, bottom } = card.canvas.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
}

function draw() {
  if (!value() || !element.isConnected) return;
  const total = tokenCount();
  const count = Math.max(1, Math.round(state.progress * total));
  controls.slider.value = String(Math.round(state.progress * 1000));
  controls.step.textContent = `step ${count} of ${total}`;
  controls.play.textContent = state.playing ? "Pause" : "Play";
  for (const card of state.cards) {
    if (card.canvas.clientWidth === 0) continue;
    if (card.canvas.clientWidth !== card.width) layout(card);
    else if (state.playing && !onScreen(card)) continue;
    const pen = card.canvas.getContext("2d");
    const scale = window.devicePixelRatio || 1;
    const shown = ["forward", "backward"].filter((d) => ["both", d].includes(state.direction));
    for (const direction of shown) paintVisited(card, direction, count);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, card.canvas.width, card.canvas.height);
    pen.drawImage(card.base, 0, 0);
    pen.drawImage(card.visited, 0, 0);
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    paintSelected(card, pen);
    for (const direction of shown) paintTrail(card, pen, direction, count);
  }
}

// ---------------------------------------------------------------- distances of the selected token

function neighbours(token) {
  const { t, h, w } = value().grid;
  const [frame, row, column] = [Math.floor(token / (h * w)), Math.floor(token / w) % h, token % w];
  const found = [];
  if (column + 1 < w) found.push({ name: "right", token: token + 1 });
  if (row + 1 < h) found.push({ name: "below", token: token + w });
  if (frame + 1 < t) found.push({ name: "next frame", token: token + h * w });
  return found;
}

function readDistances() {
  if (!value()) return;
  const token = selectedToken();
  const near = neighbours(token);
  for (const { lane, reading } of state.cards) {
    const sides = lane.forward === lane.backward
      ? [["\u21c4", lane.forward]] : [["\u2192", lane.forward], ["\u2190", lane.backward]];
    reading.replaceChildren(...sides.map(([arrow, order]) => {
      const position = state.positions[order];
      const steps = near.map(({ name, token: other }) =>
        `${name} ${Math.abs(position[other] - position[token])}`);
      return make("span", "path-steps", `${arrow} ${steps.join(" \u00b7 ")}`);
    }));
  }
  const { h, w } = value().grid;
  element.querySelector(".path-token").textContent =
    `Steps from the outlined token (${framesOf(Math.floor(token / (h * w)))}, `
    + `row ${Math.floor(token / w) % h + 1}, column ${token % w + 1}) to its neighbours; `
    + "click another token to move it.";
}

function framesOf(index) {
  const tubelet = (page().clip && page().clip.tubelet) || 1;
  const first = index * tubelet + 1;
  return tubelet === 1 ? `frame ${first}` : `frames ${first}\u2013${first + tubelet - 1}`;
}

// ---------------------------------------------------------------- motion

let lastTime = 0;

function tick(now) {
  if (!state.playing || !element.isConnected) return;
  state.progress = Math.min(1, state.progress + (now - lastTime) / DURATION_MS);
  lastTime = now;
  if (state.progress >= 1) state.playing = false;
  draw();
  if (state.playing) requestAnimationFrame(tick);
}

function play() {
  if (state.progress >= 1) state.progress = 0;
  state.playing = true;
  lastTime = performance.now();
  requestAnimationFrame(tick);
}

function relayout() {
  if (!value()) return;
  readColors();
  for (const card of state.cards) card.width = 0;
  draw();
}

let shownValue = "";

function show() {
  // Results that arrive for the same orders must not start the drawing again.
  const arrived = JSON.stringify(value());
  if (arrived === shownValue) return;
  shownValue = arrived;
  buildCards();
  readDistances();
  if (!value()) return;
  readColors();
  if (reducedMotion.matches) { state.progress = 1; draw(); } else { state.progress = 0; play(); }
}

function loadSprite() {
  const source = page().clip && page().clip.sprite;
  if (source && sprite.src !== source) sprite.src = source; else relayout();
}

controls.play.addEventListener("click", () => {
  if (state.playing) { state.playing = false; draw(); } else play();
});
controls.slider.addEventListener("input", () => {
  state.playing = false;
  state.progress = Number(controls.slider.value) / 1000;
  draw();
});
for (const button of controls.directions) {
  button.addEventListener("click", () => {
    state.direction = button.dataset.direction;
    for (const other of controls.directions) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    relayout();
  });
}
sprite.addEventListener("load", relayout);
new ResizeObserver(() => requestAnimationFrame(draw)).observe(cardArea);

if (page().listen) {
  page().listen(element, {
    clip: loadSprite,
    cursor: () => { readDistances(); if (!state.playing) draw(); },
  });
}
new MutationObserver(relayout).observe(document.body, { attributeFilter: ["class"] });

watch("value", show);
loadSprite();
show();
