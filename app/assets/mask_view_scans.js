// Painting of app/assets/mask_view.js: what the scan finds of a mask. Drawings are kept until their
// mask, order, size or colours change, because the marks over them move with the pointer.
const MOST_CELL = 36;
const RUN_BAR = 4;
const SEAM = 1.5;

// Where the tokens of a scan lie in a canvas, a line a frame or a line a row of sites.
function linesOf(canvas) {
  const { line, path } = order();
  const count = Math.ceil(path.length / line);
  const pitch = canvas.height / count;
  const gap = pitch > 5 * scale() ? 2 * scale() : pitch > 2.5 * scale() ? scale() : 0;
  const height = Math.min(pitch - gap, 16 * scale());
  return { line, count, height, step: canvas.width / line,
    top: (row) => row * pitch + (pitch - gap - height) / 2 };
}

// All tokens as they are scanned: visible runs in colour.
function drawLines(canvas, strategy) {
  const pen = canvas.getContext("2d");
  const { line, count, height, step, top } = linesOf(canvas);
  const total = order().path.length;
  pen.fillStyle = state.colors.sunken;
  for (let row = 0; row < count; row += 1) {
    pen.fillRect(0, top(row), Math.min(line, total - row * line) * step, height);
  }
  for (const { place, length } of scanOf(strategy, state.order).runs) {
    pen.fillStyle = state.colors.runs[kindOf(length)];
    for (let at = place; at < place + length;) {
      const row = Math.floor(at / line);
      const end = Math.min(place + length, (row + 1) * line);
      pen.fillRect((at - row * line) * step, top(row), (end - at) * step, height);
      at = end;
    }
  }
}

function paintLines(canvas, strategy) {
  if (!canvas.clientWidth) return;
  const pen = sized(canvas);
  const key = [state.order, state.colors.sunken, canvas.width, canvas.height].join();
  const drawn = strategy.lines.get(canvas);
  if (drawn?.key === key) { pen.drawImage(drawn.drawing, 0, 0); return; }
  const drawing = document.createElement("canvas");
  Object.assign(drawing, { width: canvas.width, height: canvas.height });
  drawLines(drawing, strategy);
  strategy.lines.set(canvas, { key, drawing });
  pen.drawImage(drawing, 0, 0);
}

function markLines() {
  const marked = outlined();
  if (!marked || !lines.clientWidth) return;
  const { line, height, step, top } = linesOf(lines);
  const { places } = scanOf(one(), state.order);
  const pen = lines.getContext("2d");
  marked.read.forEach((index, back) => {
    const row = Math.floor(places[index] / line);
    outline(pen, (places[index] - row * line) * step, top(row), Math.max(step, 2 * scale()), height,
      !back);
  });
}

// How the visible tokens fill a canvas: as large as fits, whole rows of the grid in a line.
function layout(count, { width, height }) {
  const { unit } = order();
  const [bar, gap] = [Math.round(RUN_BAR * scale()), Math.round(2 * scale())];
  for (let cell = Math.round(MOST_CELL * scale()); cell > 1; cell -= 1) {
    let columns = Math.floor(width / cell);
    if (columns > unit) columns -= columns % unit;
    const below = cell > 3 * bar ? bar : 0;
    const pitch = cell + below + (cell > gap ? gap : 0);
    if (columns && Math.ceil(count / columns) * pitch <= height) {
      return { cell, columns, bar: below, pitch };
    }
  }
  return { cell: 1, columns: width, bar: 0, pitch: 1 };
}

// The pixels of all patches, `cell` on a side, time steps below one another. Copied from one
// array into another, ten thousand patches take milliseconds; drawn one by one they take a second.
function patchPixels(cell) {
  const key = [state.address, cell].join();
  if (state.patches?.key === key) return state.patches;
  const { grid: { t, h, w }, tubelet } = value();
  const sheet = document.createElement("canvas");
  Object.assign(sheet, { width: w * cell, height: t * h * cell });
  const pen = sheet.getContext("2d", { willReadFrequently: true });
  for (let step = 0; step < t; step += 1) {
    pen.drawImage(state.sprite, ...tileOf(step * tubelet), 0, step * h * cell, w * cell, h * cell);
  }
  const { data } = pen.getImageData(0, 0, sheet.width, sheet.height);
  state.patches = { key, width: sheet.width, pixels: new Uint32Array(data.buffer) };
  return state.patches;
}

// What is left, closed up: each patch's own pixels, a seam where the scan jumps.
function drawSequence(canvas, scan, plan) {
  const pen = canvas.getContext("2d");
  const { w } = value().grid;
  const { cell, columns, bar, pitch } = plan;
  const seam = cell > 6 * scale() ? Math.round(SEAM * scale()) : 0;
  const corner = (index) => [(index % columns) * cell, Math.floor(index / columns) * pitch];
  if (fits()) {
    const { width, pixels } = patchPixels(cell);
    const image = pen.createImageData(canvas.width, canvas.height);
    const target = new Uint32Array(image.data.buffer);
    scan.tokens.forEach((token, index) => {
      const [x, y] = corner(index);
      let from = Math.floor(token / w) * cell * width + (token % w) * cell;
      let to = y * canvas.width + x;
      for (let row = 0; row < cell; row += 1, from += width, to += canvas.width) {
        target.set(pixels.subarray(from, from + cell), to);
      }
    });
    pen.putImageData(image, 0, 0);
  }
  scan.tokens.forEach((token, index) => {
    const { start, length } = scan.runs[scan.runOf[index]];
    const [x, y] = corner(index);
    const left = index === start ? seam : 0;
    const right = index === start + length - 1 ? seam : 0;
    pen.fillStyle = state.colors.runs[kindOf(length)];
    if (!fits()) pen.fillRect(x, y, cell, cell);
    if (bar) pen.fillRect(x + left, y + cell + scale(), cell - left - right, bar - scale());
    if (left) pen.clearRect(x, y, left, cell);
    if (right) pen.clearRect(x + cell - right, y, right, cell);
  });
}

function paintSequence() {
  if (!sequence.clientWidth) return;
  const pen = sized(sequence);
  const scan = scanOf(one(), state.order);
  const { colors: { sunken }, address, chosen } = state;
  const key = [chosen, state.order, address, fits(), sunken, sequence.width, sequence.height].join();
  if (scan.drawn?.key !== key) {
    const drawing = document.createElement("canvas");
    Object.assign(drawing, { width: sequence.width, height: sequence.height });
    const plan = layout(scan.tokens.length, drawing);
    drawSequence(drawing, scan, plan);
    scan.drawn = { key, drawing, plan };
    sequence.setAttribute("aria-label", `${scan.tokens.length} visible tokens in ${order().title}`);
  }
  pen.drawImage(scan.drawn.drawing, 0, 0);
  const { cell, columns, pitch } = scan.drawn.plan;
  const marked = outlined();
  [...(marked?.read ?? [])].reverse().forEach((index) => outline(pen, (index % columns) * cell,
    Math.floor(index / columns) * pitch, cell, cell, index === marked.at));
}
