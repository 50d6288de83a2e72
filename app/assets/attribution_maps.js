// Heat of every method over the page's frames, following its time cursor and selected token.
// `props.value` is what app/components/attribution_maps.py gives, packed. Heat sprites hold one pixel per
// token, time steps side by side, or a tile per frame where a method works on pixels; they are
// enlarged and laid over the grey frames here.
const scope = window.scanscope;
const value = scope.unpacker(() => props.value);
const find = (name) => element.querySelector(name);
const area = find(".maps-cards");
const strength = find(".maps-strength");
const state = { cards: [], sprite: null, address: "", smooth: true, pixels: false };
const STRIP_PICTURES = 12;

const scale = () => window.devicePixelRatio || 1;

// Only frames of the clip that was explained may lie under its heat.
const fits = () => scope.shows(value()?.clip);

function loadSprite() {
  const address = scope.clip?.sprite ?? "";
  if (address === state.address) return;
  state.address = address;
  state.sprite = null;
  if (!address) return;
  const image = new Image();
  image.onload = () => {
    if (state.address !== address) return;
    state.sprite = image;
    paintAll();
  };
  image.src = address;
}

function build() {
  const cards = value()?.cards ?? [];
  find(".maps-empty").hidden = cards.length > 0;
  const before = new Map(state.cards.map((card) => [card.value.method, card]));
  state.cards = cards.map((value) => {
    const known = before.get(value.method);
    const same = known && ["html", "heat", "pixel_heat"].every((part) =>
      known.value[part] === value[part]);
    return same ? { ...known, value } : buildCard(value);
  });
  area.replaceChildren(...state.cards.map((card) => card.node));
  find(".maps-pixels").hidden = !cards.some((card) => card.pixel_heat);
  loadSprite();
  paintAll();
}

function buildCard(value) {
  const node = document.createElement("section");
  const signed = value.steps.some((step) => step.against > 0);
  node.className = `map-card${signed ? "" : " unsigned"}${value.heat ? "" : " waiting"}`;
  node.dataset.method = value.method;
  node.style.setProperty("--method-color", value.color);
  node.innerHTML = value.html;
  const card = { value, node, picture: node.querySelector(".map-picture"), steps: [] };
  card.picture.setAttribute("aria-label", value.label ?? "No map yet");
  card.picture.addEventListener("click", (event) => selectAt(card, event));
  buildStrip(card, signed);
  card.heat = loadHeat(card, value.heat);
  card.pixelHeat = loadHeat(card, value.pixel_heat);
  return card;
}

function loadHeat(card, address) {
  if (!address) return null;
  const image = new Image();
  image.onload = () => paint(card);
  image.src = address;
  return image;
}

function buildStrip(card, signed) {
  const { steps } = card.value;
  const strip = card.node.querySelector(".map-strip");
  strip.style.gridTemplateColumns = `repeat(${Math.max(1, steps.length)}, minmax(0, 1fr))`;
  const tallest = Math.max(...steps.map((step) => step.for), 1e-9);
  const deepest = signed ? Math.max(...steps.map((step) => step.against), 1e-9) : 0;
  const unit = 100 / (tallest + deepest);
  card.steps = steps.map((step, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "map-step";
    button.title = step.words;
    button.ariaLabel = step.words;
    const picture = document.createElement("canvas");
    const bars = document.createElement("span");
    bars.className = "map-bars";
    bars.style.setProperty("--zero", `${deepest * unit}%`);
    for (const kind of ["for", "against"]) {
      if (!(step[kind] > 0)) continue;
      const bar = document.createElement("i");
      bar.className = kind;
      bar.style.setProperty("--p", step[kind] * unit);
      bars.append(bar);
    }
    button.append(picture, bars);
    button.addEventListener("click", () => {
      scope.stop();
      scope.moveTo({ frame: index * card.value.tubelet, token: null });
    });
    return { button, picture };
  });
  strip.replaceChildren(...card.steps.map((step) => step.button));
}

function sized(canvas) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) =>
    Math.max(1, Math.round(side * scale())));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  return pen;
}

// The largest square of the canvas, in its middle.
function square(canvas) {
  const side = Math.min(canvas.width, canvas.height);
  return [(canvas.width - side) / 2, (canvas.height - side) / 2, side, side];
}

function drawFrame(pen, frame, box) {
  const clip = scope.clip;
  if (!state.sprite || !fits()) return;
  const { tile_width: width, tile_height: height, columns } = clip;
  pen.filter = "grayscale(1) brightness(0.82)";
  pen.drawImage(state.sprite, (frame % columns) * width, Math.floor(frame / columns) * height,
    width, height, ...box);
  pen.filter = "none";
}

function drawHeat(pen, card, frame, box) {
  const byPixel = state.pixels && card.pixelHeat;
  const image = byPixel ? card.pixelHeat : card.heat;
  if (!image?.complete || !image.naturalWidth) return;
  const [, h, w] = card.value.grid;
  const at = byPixel ? frame : stepOf(card, frame);
  const width = byPixel ? image.naturalHeight * (w / h) : w;
  const height = byPixel ? image.naturalHeight : h;
  pen.globalAlpha = Number(strength.value) / 100;
  pen.imageSmoothingEnabled = state.smooth;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, at * width, 0, width, height, ...box);
  pen.globalAlpha = 1;
}

function drawToken(pen, card, box) {
  const { token } = scope.cursor;
  if (token === null || !fits()) return;
  const [, h, w] = card.value.grid;
  const cell = token % (h * w);
  const [x, y, width, height] = box;
  pen.strokeStyle = getComputedStyle(element).getPropertyValue("--cursor");
  pen.lineWidth = 2 * scale();
  pen.strokeRect(x + ((cell % w) * width) / w, y + (Math.floor(cell / w) * height) / h,
    width / w, height / h);
}

function paint(card) {
  paintPicture(card);
  if (card.steps.length > STRIP_PICTURES) {
    card.steps.forEach(({ picture }) => { picture.hidden = true; });
  }
  card.steps.forEach(({ picture }, step) => {
    const pen = sized(picture);
    const box = square(picture);
    const frame = step * card.value.tubelet;
    drawFrame(pen, frame, box);
    drawHeat(pen, card, frame, box);
  });
}

const stepOf = (card, frame) =>
  Math.min(Math.floor(frame / card.value.tubelet), card.steps.length - 1);

const frameAt = () => (scope.clip ? scope.cursor.frame : 0);
const stepAt = (card) => stepOf(card, frameAt());

function paintPicture(card) {
  const pen = sized(card.picture);
  const box = [0, 0, card.picture.width, card.picture.height];
  if (scope.clip) drawFrame(pen, scope.cursor.frame, box);
  if (!card.value.heat) return;
  const step = stepAt(card);
  drawHeat(pen, card, frameAt(), box);
  drawToken(pen, card, box);
  card.steps.forEach(({ button }, index) => button.classList.toggle("at", index === step));
}

function paintAll() {
  state.cards.forEach(paint);
  const button = find(".maps-play");
  button.innerHTML = scope.playing ? "&#10073;&#10073;" : "&#9654;";
  button.ariaLabel = scope.playing ? "Pause" : "Play";
}

function follow() {
  state.cards.forEach(paintPicture);
  const button = find(".maps-play");
  button.innerHTML = scope.playing ? "&#10073;&#10073;" : "&#9654;";
  button.ariaLabel = scope.playing ? "Pause" : "Play";
}

function selectAt(card, event) {
  if (!card.value.heat || !scope.clip) return;
  const [, h, w] = card.value.grid;
  const box = card.picture.getBoundingClientRect();
  const at = (position, start, length, cells) =>
    Math.min(cells - 1, Math.max(0, Math.floor(((position - start) / length) * cells)));
  const row = at(event.clientY, box.top, box.height, h);
  const column = at(event.clientX, box.left, box.width, w);
  scope.stop();
  scope.selectToken((stepAt(card) * h + row) * w + column);
}

find(".maps-play").addEventListener("click", scope.togglePlay);
strength.addEventListener("input", paintAll);
for (const view of ["smooth", "pixels"]) {
  find(`.maps-${view}`).addEventListener("click", (event) => {
    state[view] = !state[view];
    event.currentTarget.setAttribute("aria-pressed", String(state[view]));
    paintAll();
  });
}
scope.listen(element, { clip: () => { loadSprite(); paintAll(); }, cursor: follow });
new ResizeObserver(paintAll).observe(area);
watch("value", build);
build();
