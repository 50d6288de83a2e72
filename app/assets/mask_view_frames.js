// Painting of app/assets/mask_view.js: frames under masks, and the sheet of them that is saved.
const GUIDED_VEIL = 0.62;

function readColors() {
  const style = getComputedStyle(main);
  const color = (name) => style.getPropertyValue(name).trim();
  const next = { sunken: color("--surface-sunken"), raised: color("--surface-raised"),
    line: color("--line"), cursor: color("--cursor"), ink: color("--ink"), soft: color("--ink-soft"),
    runs: [1, 2, 3, 4].map((kind) => color(`--run-${kind}`)) };
  if (next.sunken !== state.colors.sunken) {
    for (const strategy of Object.values(state.strategies)) strategy.veil = null;
  }
  state.colors = next;
}

function sized(canvas) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) =>
    Math.max(1, Math.round(side * scale())));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  return pen;
}

// Only frames of the clip that was masked may lie under its masks.
const fits = () => Boolean(state.sprite) && scope.shows(value()?.clip);

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

// Where frame `frame` lies in the sprite sheet.
function tileOf(frame) {
  const { columns, tile_width: width, tile_height: height, count } = scope.clip;
  const at = Math.min(count - 1, frame);
  return [(at % columns) * width, Math.floor(at / columns) * height, width, height];
}

// One pixel a token, all time steps side by side: what covers the hidden ones.
function veilOf(strategy) {
  if (strategy.veil) return strategy.veil;
  const { t, h, w } = value().grid;
  const sheet = document.createElement("canvas");
  Object.assign(sheet, { width: t * w, height: h });
  const pen = sheet.getContext("2d");
  pen.fillStyle = state.colors.sunken;
  strategy.hidden.forEach((hidden, token) => {
    if (!hidden) return;
    const cell = token % (h * w);
    pen.fillRect(Math.floor(token / (h * w)) * w + (cell % w), Math.floor(cell / w), 1, 1);
  });
  strategy.veil = sheet;
  return sheet;
}

// A frame under a mask, over its guide where that is shown, into a box of a canvas.
function drawMasked(pen, strategy, frame, box) {
  const { h, w } = value().grid;
  const step = stepAt(frame);
  const guided = state.guided && strategy.heat?.complete && strategy.heat.naturalWidth > 0;
  if (fits()) {
    if (guided) pen.filter = "grayscale(1) brightness(0.82)";
    pen.drawImage(state.sprite, ...tileOf(frame), ...box);
    pen.filter = "none";
  } else {
    pen.fillStyle = state.colors.runs[2];
    pen.fillRect(...box);
  }
  pen.imageSmoothingEnabled = false;
  if (guided) pen.drawImage(strategy.heat, step * w, 0, w, h, ...box);
  pen.globalAlpha = (Number(veil.value) / 100) * (guided ? GUIDED_VEIL : 1);
  pen.drawImage(veilOf(strategy), step * w, 0, w, h, ...box);
  pen.globalAlpha = 1;
  pen.imageSmoothingEnabled = true;
}

// The token pointed at, else the selected one, and the visible ones before it in the scan that
// its convolution reads with it.
function outlined() {
  const token = state.pointed ?? (fits() ? scope.cursor.token : null);
  if (token === null || !value() || token >= one().hidden.length) return null;
  const scan = scanOf(one(), state.order);
  const at = scan.index.get(token);
  if (at === undefined) return { token, read: [] };
  const taps = Array.from({ length: value().conv_width }, (_, back) => at - back).filter((i) => i >= 0);
  return { token, at, read: taps };
}

function outline(pen, x, y, width, height, strong) {
  pen.strokeStyle = state.colors.raised;
  pen.lineWidth = (strong ? 4 : 3) * scale();
  pen.strokeRect(x, y, width, height);
  pen.strokeStyle = state.colors.cursor;
  pen.lineWidth = (strong ? 2.5 : 1.5) * scale();
  pen.strokeRect(x, y, width, height);
}

function paintPicture() {
  if (!picture.clientWidth || !one()) return;
  const { h, w } = value().grid;
  const pen = sized(picture);
  const frame = scope.clip ? scope.cursor.frame : 0;
  drawMasked(pen, one(), frame, [0, 0, picture.width, picture.height]);
  picture.setAttribute("aria-label", `${one().title}: ${framesOf(stepAt(frame))} under the mask`);
  state.steps.forEach(({ node }, step) => node.classList.toggle("at", step === stepAt(frame)));
  const marked = outlined();
  if (!marked) return;
  const { tokens } = scanOf(one(), state.order);
  const [width, height] = [picture.width / w, picture.height / h];
  const box = (token, strong) => {
    if (Math.floor(token / (h * w)) !== stepAt(frame)) return;
    const cell = token % (h * w);
    outline(pen, (cell % w) * width, Math.floor(cell / w) * height, width, height, strong);
  };
  marked.read.slice(1).forEach((index) => box(tokens[index], false));
  box(marked.token, true);
}

function paintSteps() {
  state.steps.forEach(({ canvas }, step) => {
    if (!canvas.clientWidth) return;
    const pen = sized(canvas);
    drawMasked(pen, one(), step * value().tubelet, [0, 0, canvas.width, canvas.height]);
  });
}

function paintCardPictures() {
  const frame = scope.clip ? scope.cursor.frame : 0;
  for (const { name, frame: canvas } of state.cards) {
    const { bottom, top } = canvas.getBoundingClientRect();
    if (!canvas.clientWidth || (scope.playing && (bottom < 0 || top > window.innerHeight))) continue;
    drawMasked(sized(canvas), state.strategies[name], frame, [0, 0, canvas.width, canvas.height]);
  }
}

function paintScan() {
  paintLines(lines, one());
  markLines();
  paintSequence();
}

function paintAll() {
  if (!value() || !one() || element.offsetParent === null) return;
  laySteps();
  paintPicture();
  paintScan();
  paintSteps();
  paintCardPictures();
  for (const { name, strip } of state.cards) paintLines(strip, state.strategies[name]);
  read();
}

// ---------------------------------------------------------------- saving

const SAVED = { tile: 96, gap: 6, words: 150, strip: 360 };

// A line a strategy: its name and numbers, every time step under the mask, and its scan.
function save() {
  const { tile, gap, words, strip } = SAVED;
  const { t } = value().grid;
  const every = Math.ceil(t / 16);
  const steps = Array.from({ length: Math.ceil(t / every) }, (_, index) => index * every);
  const sheet = document.createElement("canvas");
  const left = words + steps.length * (tile + gap);
  sheet.width = left + strip + 2 * gap;
  sheet.height = state.cards.length * (tile + gap) + gap;
  const pen = sheet.getContext("2d");
  pen.fillStyle = state.colors.raised;
  pen.fillRect(0, 0, sheet.width, sheet.height);
  state.cards.forEach(({ name, strip: drawn }, row) => {
    const strategy = state.strategies[name];
    const y = gap + row * (tile + gap);
    pen.fillStyle = state.colors.ink;
    pen.font = "600 14px system-ui, sans-serif";
    pen.fillText(strategy.title, gap, y + 20);
    pen.fillStyle = state.colors.soft;
    pen.font = "12px system-ui, sans-serif";
    [`${strategy.real} hidden`, `mean run ${strategy.runs[state.order].mean}`, order().title]
      .forEach((text, line) => pen.fillText(text, gap, y + 40 + 16 * line));
    steps.forEach((step, column) =>
      drawMasked(pen, strategy, step * value().tubelet, [words + column * (tile + gap), y, tile, tile]));
    pen.drawImage(drawn, left, y, strip, tile);
  });
  const link = document.createElement("a");
  link.href = sheet.toDataURL("image/png");
  link.download = `${value().file_name}.png`;
  link.click();
}
