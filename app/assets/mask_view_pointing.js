// Pointing of app/assets/mask_view.js: which patch is pointed at, and what is said of it.

function framesOf(step) {
  const { tubelet } = value();
  const first = step * tubelet + 1;
  return tubelet === 1 ? `frame ${first}` : `frames ${first}\u2013${first + tubelet - 1}`;
}

function wordsOf(token) {
  const { h, w } = value().grid;
  const cell = token % (h * w);
  return `${framesOf(Math.floor(token / (h * w)))}, row ${Math.floor(cell / w) + 1}, column ${cell % w + 1}`;
}

const capital = (words) => words[0].toUpperCase() + words.slice(1);
const listed = (numbers) => [numbers.slice(0, -1).join(", "), numbers.at(-1)]
  .filter((part) => part !== "").join(" and ");

function apart(a, b) {
  const { h, w } = value().grid;
  const parts = [[Math.floor(a / (h * w)), Math.floor(b / (h * w))],
    [Math.floor(a / w) % h, Math.floor(b / w) % h], [a % w, b % w]];
  return parts.reduce((sum, [from, to]) => sum + Math.abs(from - to), 0);
}

function read() {
  const marked = outlined();
  if (!marked) {
    reading.textContent = `Point at a patch: outlined are the ${value().conv_width} that the `
      + "convolution before the scan reads together.";
    return;
  }
  const name = capital(wordsOf(marked.token));
  if (!marked.read.length) {
    reading.textContent = `${name}: hidden, the scan never sees it.`;
    return;
  }
  const { tokens } = scanOf(one(), state.order);
  const steps = marked.read.slice(1).map((index) => apart(tokens[index], tokens[index + 1]));
  reading.textContent = steps.length === 0 ? `${name}: the first patch that the scan reads.`
    : `${name}: the convolution goes back from it in steps of ${listed(steps)} on the grid.`;
}

function inBox(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * scale(), (event.clientY - box.top) * scale()];
}

const tokenIn = {
  picture(event) {
    const { h, w } = value().grid;
    const [x, y] = inBox(picture, event);
    const along = (at, size, cells) => Math.min(cells - 1, Math.max(0, Math.floor((at / size) * cells)));
    return (stepAt(scope.clip ? scope.cursor.frame : 0) * h + along(y, picture.height, h)) * w
      + along(x, picture.width, w);
  },
  lines(event) {
    const [x, y] = inBox(lines, event);
    const { line, path } = order();
    const row = Math.floor((y / lines.height) * Math.ceil(path.length / line));
    const place = row * line + Math.floor((x / lines.width) * line);
    return path[place] ?? null;
  },
  sequence(event) {
    const [x, y] = inBox(sequence, event);
    const { cell, columns, pitch } = scanOf(one(), state.order).drawn.plan;
    const column = Math.floor(x / cell);
    if (column >= columns) return null;
    return scanOf(one(), state.order).tokens[Math.floor(y / pitch) * columns + column] ?? null;
  },
};

function point(token) {
  if (token === state.pointed) return;
  state.pointed = token;
  paintPicture();
  paintScan();
  read();
}
