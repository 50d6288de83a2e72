// A map over the tokens of the page's clip. `props.value` is the packed dictionary of
// app/components/token_picture.py, or null. Frames, time cursor and selected token are the page's
// (`window.scanscope`). Where ASKS, a click triggers the event "ask" {kind, index}.
const scope = window.scanscope;
const find = (name) => element.querySelector(name);
const root = find(".tp");
const area = find(".tp-frames");
const GAP = 10;
const [LEAST_TILE, LEAST_CELL] = [132, 9];
const MOST_TILE = { alone: 288, row: 216, rows: 172 };
const PAUSE_MS = 120;
const SAVED_CELL = 24;

const state = { scale: "logarithmic", tiles: [], heat: null, asked: "", wanted: null, timer: 0 };
const value = scope.unpacker(() => props.value);
const perFrame = () => { const { h, w } = value().grid; return h * w; };
// The map fits the frames only while the page still shows its clip. One that brings frames of its
// own has nothing to do with the page's clip, cursor and token.
const ownClip = () => !value().film && scope.clip && scope.clip.name === value().clip
  && scope.clip.grid && ["t", "h", "w"].every((side) => scope.clip.grid[side] === value().grid[side]);
const film = () => value().film ?? (ownClip() ? scope.clip : null);

root.classList.toggle("tp-asks", ASKS);

function make(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function framesOf(step) {
  const { tubelet } = value();
  const first = step * tubelet + 1;
  return tubelet === 1 ? `frame ${first}` : `frames ${first}\u2013${first + tubelet - 1}`;
}

const capital = (words) => words[0].toUpperCase() + words.slice(1);

function amount(number) {
  if (number === null) return "hidden";
  const size = Math.abs(number);
  const sign = number < 0 ? "\u2212" : "";
  if (value().as_share) {
    return sign + (size > 0 && size < 0.0005 ? "<0.1" : (100 * size).toFixed(1)) + "\u202f%";
  }
  return sign + (size === 0 ? "0" : size >= 1e-4 ? String(Number(size.toPrecision(3)))
    : size.toExponential(1));
}

// ---------------------------------------------------------------- frames

function buildFrames() {
  const { t, h, w } = value().grid;
  const key = [t, h, w, value().tubelet].join();
  if (state.built === key) return;
  state.built = key;
  state.tiles = Array.from({ length: t }, (_, step) => buildFrame(step, h, w));
  area.replaceChildren(...state.tiles.map((tile) => tile.frame));
  lay();
}

function buildFrame(step, h, w) {
  const frame = make("div", "tp-frame");
  const stage = make("div", "tp-stage");
  stage.style.aspectRatio = `${w} / ${h}`;
  const image = make("div", "tp-image");
  const heat = make("canvas", "tp-heatmap");
  heat.width = w;
  heat.height = h;
  heat.setAttribute("role", "img");
  const net = make("div", "tp-net");
  net.style.backgroundSize = `${100 / w}% ${100 / h}%`;
  const mark = make("div", "tp-mark");
  const under = make("div", "tp-under");
  mark.hidden = under.hidden = true;
  stage.append(image, heat, net, under, mark);
  const label = make(ASKS ? "button" : "div", "tp-label");
  if (ASKS) label.type = "button";
  const name = make("span", "tp-name", capital(framesOf(step)));
  const track = make("span", "tp-track");
  const bar = document.createElement("i");
  const share = make("span", "tp-share");
  track.append(bar);
  label.append(name, track, share);
  frame.append(stage, label);
  const tile = { step, frame, stage, image, heat, mark, under, label, track, bar, share };
  stage.addEventListener("click", (event) => choose(cellAt(tile, event)));
  stage.addEventListener("pointermove", (event) => read(tile, cellAt(tile, event)));
  stage.addEventListener("pointerleave", () => read(tile, null));
  if (ASKS) label.addEventListener("click", () => askFrame(step));
  return tile;
}

function lay() {
  const width = area.clientWidth;
  if (!value() || !width) return;
  const { t, w } = value().grid;
  const least = Math.min(width, Math.max(LEAST_TILE, LEAST_CELL * w));
  const fits = Math.max(1, Math.floor((width + GAP) / (least + GAP)));
  const rows = Math.ceil(t / fits);
  const columns = Math.ceil(t / rows);
  const kind = t === 1 ? "alone" : rows === 1 ? "row" : "rows";
  const most = Math.max(MOST_TILE[kind], LEAST_CELL * w);
  const tile = Math.min(most, (width - GAP * (columns - 1)) / columns);
  area.style.gridTemplateColumns = `repeat(${columns}, ${Math.floor(tile)}px)`;
}

function cellAt(tile, event) {
  const { h, w } = value().grid;
  const box = tile.stage.getBoundingClientRect();
  const along = (at, size, count) => Math.min(count - 1, Math.max(0, Math.floor((at / size) * count)));
  return tile.step * h * w + along(event.clientY - box.top, box.height, h) * w
    + along(event.clientX - box.left, box.width, w);
}

function place(box, token) {
  const { h, w } = value().grid;
  const cell = token % (h * w);
  box.style.left = `${(100 * (cell % w)) / w}%`;
  box.style.top = `${(100 * Math.floor(cell / w)) / h}%`;
  box.style.width = `${100 / w}%`;
  box.style.height = `${100 / h}%`;
}

function wordsOf(token) {
  const { w } = value().grid;
  const cell = token % perFrame();
  return `${framesOf(Math.floor(token / perFrame()))}, row ${Math.floor(cell / w) + 1}, column ${cell % w + 1}`;
}

// ---------------------------------------------------------------- drawing

// The chosen scale where this map has it, else its own.
const scaleName = () => (state.scale in value().scales ? state.scale : Object.keys(value().scales)[0]);

async function drawHeat() {
  const { heat } = value().scales[scaleName()];
  const { h, w } = value().grid;
  const sheet = new Image();
  sheet.src = heat;
  state.heat = heat;
  await sheet.decode().catch(() => {});
  if (state.heat !== heat || !sheet.naturalWidth) return;
  for (const { step, heat: canvas } of state.tiles) {
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, w, h);
    pen.drawImage(sheet, step * w, 0, w, h, 0, 0, w, h);
    canvas.setAttribute("aria-label", `${value().title}: ${framesOf(step)}`);
  }
  element.dataset.drawn = String(Number(element.dataset.drawn || 0) + 1);
}

function drawScale() {
  const { bar, ticks } = value().scales[scaleName()];
  find(".tp-bar").style.backgroundImage = `url(${bar})`;
  find(".tp-ticks").replaceChildren(...ticks.map(({ at, label }) => {
    const tick = make("span", "", label);
    tick.style.left = `${at}%`;
    return tick;
  }));
  const span = [ticks[0].label, ticks[ticks.length - 1].label].join(" to ");
  find(".tp-scale").setAttribute("aria-label", `${value().unit}: ${span}`);
  for (const button of element.querySelectorAll("[data-scale]")) {
    button.setAttribute("aria-pressed", String(button.dataset.scale === scaleName()));
  }
}

function drawShares() {
  state.tiles.forEach(({ step, track, bar, share, label }) => {
    const one = value().frames[step];
    track.hidden = share.hidden = !one;
    if (!one) return;
    bar.style.width = `${100 * Math.min(1, Math.abs(one.share))}%`;
    bar.className = one.share < 0 ? "tp-less" : "";
    share.textContent = one.words;
    label.title = `${capital(framesOf(step))}: ${one.words}`;
  });
}

function drawCursor() {
  if (!value()) return;
  const { subject, tubelet } = value();
  const own = ownClip();
  const chosen = ASKS ? subject : null;
  const token = chosen ? (chosen.kind === "token" && chosen.index >= 0 ? chosen.index : null)
    : own ? scope.cursor.token : null;
  for (const tile of state.tiles) {
    const now = own && Math.floor(scope.cursor.frame / tubelet) === tile.step;
    tile.frame.classList.toggle("tp-now", Boolean(now));
    tile.frame.classList.toggle("tp-asked", chosen?.kind === "frame" && chosen.index === tile.step);
    const frames = film();
    tile.image.hidden = !frames;
    if (frames) {
      scope.paint(tile.image, Math.min(frames.count - 1,
        now ? scope.cursor.frame : tile.step * tubelet), frames);
    }
    tile.mark.hidden = token === null || Math.floor(token / perFrame()) !== tile.step;
    if (!tile.mark.hidden) place(tile.mark, token);
  }
}

function read(tile, token) {
  state.pointed = token === null ? null : { tile, token };
  tile.under.hidden = token === null;
  if (token !== null) place(tile.under, token);
  const told = token !== null && value().values;
  find(".tp-reading").textContent = token === null ? ""
    : told ? `${capital(wordsOf(token))}: ${amount(value().values[token])}` : capital(wordsOf(token));
}

// ---------------------------------------------------------------- asking

function choose(token) {
  scope.stop();
  state.followed = token;
  if (ownClip()) scope.selectToken(token);
  if (ASKS) ask("token", token);
}

function askFrame(step) {
  scope.stop();
  if (ownClip()) scope.moveTo({ frame: step * value().tubelet, token: null });
  ask("frame", step);
}

// A click asks at once; of tokens passed over with the keys only the one where they rest.
function ask(kind, index, pause = 0) {
  state.wanted = { kind, index };
  clearTimeout(state.timer);
  if (pause) state.timer = setTimeout(send, pause);
  else send();
}

function send() {
  const wanted = state.wanted;
  if (!wanted || !element.isConnected || element.offsetParent === null) return;
  state.wanted = null;
  const shown = value()?.subject;
  if (shown && shown.kind === wanted.kind && shown.index === wanted.index) return;
  area.classList.add("tp-waiting");
  setTimeout(() => area.classList.remove("tp-waiting"), 4000);
  trigger("ask", wanted);
}

// Tokens chosen in other tabs or with the keyboard are asked about when this picture is in sight.
function follow() {
  drawCursor();
  const token = scope.cursor.token;
  if (!ASKS || token === null || token === state.followed || !value() || !ownClip()) return;
  state.followed = token;
  ask("token", token, PAUSE_MS);
}

// ---------------------------------------------------------------- saving

async function save() {
  const { t, h, w } = value().grid;
  const cell = Math.max(4, Math.min(SAVED_CELL, Math.floor(4096 / (t * w))));
  const sheet = document.createElement("canvas");
  sheet.width = t * w * cell + (t - 1) * GAP;
  sheet.height = h * cell;
  const pen = sheet.getContext("2d");
  const frames = film();
  const under = new Image();
  if (frames) { under.src = frames.sprite; await under.decode().catch(() => {}); }
  state.tiles.forEach(({ step, heat }) => {
    const x = step * (w * cell + GAP);
    if (under.naturalWidth) {
      const { count, columns, tile_width: width, tile_height: height } = frames;
      const index = Math.min(count - 1, step * value().tubelet);
      pen.filter = "grayscale(0.9)";
      pen.drawImage(under, (index % columns) * width, Math.floor(index / columns) * height,
        width, height, x, 0, w * cell, h * cell);
      pen.filter = "none";
    }
    pen.imageSmoothingEnabled = root.classList.contains("tp-smoothed");
    pen.globalAlpha = Number(find(".tp-strength").value) / 100;
    pen.drawImage(heat, x, 0, w * cell, h * cell);
    pen.globalAlpha = 1;
  });
  const link = document.createElement("a");
  link.href = sheet.toDataURL("image/png");
  link.download = `${value().file_name}.png`;
  link.click();
}

// ---------------------------------------------------------------- wiring

function show() {
  area.classList.remove("tp-waiting");
  const shown = value();
  find(".tp-save").disabled = !shown;
  if (!shown) return;
  find(".tp-title").textContent = shown.title;
  find(".tp-unit").textContent = shown.unit;
  find(".tp-scales").hidden = Object.keys(shown.scales).length < 2;
  const readout = find(".tp-readout");
  readout.hidden = !shown.readout;
  readout.textContent = shown.readout;
  readout.setAttribute("aria-pressed", String(shown.subject?.kind === "readout"));
  buildFrames();
  drawShares();
  drawScale();
  follow();
  drawHeat();
  if (state.pointed && state.tiles.includes(state.pointed.tile)) {
    read(state.pointed.tile, state.pointed.token);
  }
}

function toggled(button, name) {
  const on = root.classList.toggle(name);
  button.setAttribute("aria-pressed", String(on));
}

for (const button of element.querySelectorAll("[data-scale]")) {
  button.addEventListener("click", () => {
    state.scale = button.dataset.scale;
    if (value()) { drawScale(); drawHeat(); }
  });
}
find(".tp-smooth").addEventListener("click", (event) => toggled(event.target, "tp-smoothed"));
find(".tp-lines").addEventListener("click", (event) => toggled(event.target, "tp-gridded"));
find(".tp-strength").addEventListener("input", (event) => {
  area.style.setProperty("--heat", Number(event.target.value) / 100);
});
find(".tp-readout").addEventListener("click", () => {
  if (scope.clip) scope.moveTo({ token: null });
  ask("readout", 0);
});
find(".tp-save").addEventListener("click", save);

new ResizeObserver(() => requestAnimationFrame(lay)).observe(area);
new IntersectionObserver(() => { if (state.wanted) send(); }).observe(root);
scope.listen(element, { clip: () => { state.followed = null; drawCursor(); }, cursor: follow });
watch("value", show);
show();
