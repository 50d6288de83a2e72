// A box of patches drawn on the frame under the time cursor, for the ticked time steps.
// `props.value` is {steps, rows, columns}, numbers on the token grid, set here and read by Python.
const scope = window.scanscope;
const find = (name) => element.querySelector(name);
const [stage, frame, box, list] = [".region-stage", ".region-frame", ".region-box", ".region-steps"].map(find);
const state = { grid: null, steps: new Set(), rows: [0, 0], columns: [0, 0], from: null };

const range = ([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const same = (a, b) => a && b && a.t === b.t && a.h === b.h && a.w === b.w;

// As `middle_part` in app/what_if_runs.py.
function middle({ t, h, w }) {
  const half = (side) => [Math.floor(side / 4), Math.max(Math.floor(side / 4), side - Math.floor(side / 4) - 1)];
  return { steps: new Set(range([0, t - 1])), rows: half(h), columns: half(w) };
}

// What was chosen before this element was drawn anew, where it fits the grid.
function chosenBefore({ t, h, w }) {
  const { steps, rows, columns } = props.value ?? {};
  if (!steps?.length || !rows?.length || !columns?.length) return null;
  if (Math.max(...steps) >= t || Math.max(...rows) >= h || Math.max(...columns) >= w) return null;
  return { steps: new Set(steps), rows: [rows[0], rows.at(-1)], columns: [columns[0], columns.at(-1)] };
}

function takeClip() {
  const grid = scope.clip?.grid;
  if (!grid) return;
  if (!same(grid, state.grid)) {
    Object.assign(state, { grid: { ...grid }, ...(chosenBefore(grid) ?? middle(grid)) });
    buildSteps();
    publish(false);
  }
  draw();
}

function buildSteps() {
  const { tubelet } = scope.clip;
  list.replaceChildren(...range([0, state.grid.t - 1]).map((step) => {
    const button = document.createElement("button");
    button.type = "button";
    const [first, last] = [step * tubelet + 1, (step + 1) * tubelet];
    button.textContent = first === last ? first : `${first}\u2013${last}`;
    button.addEventListener("click", () => {
      if (!state.steps.delete(step)) state.steps.add(step);
      if (!state.steps.size) state.steps.add(step);
      scope.stop();
      scope.moveTo({ frame: step * tubelet });
      draw();
      publish();
    });
    return button;
  }));
}

function draw() {
  if (!state.grid) return;
  const { h, w } = state.grid;
  const { frame: at } = scope.cursor;
  scope.paint(frame, at);
  const [[top, bottom], [left, right]] = [state.rows, state.columns];
  Object.assign(box.style, {
    top: `${(100 * top) / h}%`, height: `${(100 * (bottom - top + 1)) / h}%`,
    left: `${(100 * left) / w}%`, width: `${(100 * (right - left + 1)) / w}%`,
  });
  const step = Math.floor(at / scope.clip.tubelet);
  box.classList.toggle("away", !state.steps.has(step));
  [...list.children].forEach((button, index) =>
    button.setAttribute("aria-pressed", String(state.steps.has(index))));
  const patches = state.steps.size * (bottom - top + 1) * (right - left + 1);
  const share = (100 * patches) / (state.grid.t * h * w);
  find(".region-words").textContent =
    `${patches} patches, ${share < 10 ? share.toFixed(1) : share.toFixed(0)}\u202f% of the clip. Draw on the frame to choose others.`;
}

function publish(announce = true) {
  props.value = {
    steps: [...state.steps].sort((a, b) => a - b),
    rows: range(state.rows),
    columns: range(state.columns),
  };
  if (announce) trigger("pick", {});
}

function cellAt(event) {
  const area = stage.getBoundingClientRect();
  const cell = (position, start, length, cells) =>
    Math.min(cells - 1, Math.max(0, Math.floor(((position - start) / length) * cells)));
  return {
    row: cell(event.clientY, area.top, area.height, state.grid.h),
    column: cell(event.clientX, area.left, area.width, state.grid.w),
  };
}

function span(cell) {
  state.rows = [Math.min(state.from.row, cell.row), Math.max(state.from.row, cell.row)];
  state.columns = [Math.min(state.from.column, cell.column), Math.max(state.from.column, cell.column)];
  draw();
}

stage.addEventListener("pointerdown", (event) => {
  if (!state.grid) return;
  event.preventDefault();
  stage.focus({ preventScroll: true });
  stage.setPointerCapture(event.pointerId);
  scope.stop();
  state.from = cellAt(event);
  span(state.from);
});
stage.addEventListener("pointermove", (event) => { if (state.from) span(cellAt(event)); });
stage.addEventListener("pointerup", () => {
  if (!state.from) return;
  state.from = null;
  publish();
});
stage.addEventListener("pointercancel", () => { state.from = null; });

// Arrows move the box, with shift its far edges.
stage.addEventListener("keydown", (event) => {
  const by = { ArrowUp: ["rows", -1], ArrowDown: ["rows", 1], ArrowLeft: ["columns", -1], ArrowRight: ["columns", 1] }[event.key];
  if (!by || !state.grid) return;
  event.preventDefault();
  event.stopPropagation();
  const [axis, step] = by;
  const side = axis === "rows" ? state.grid.h : state.grid.w;
  const [first, last] = state[axis];
  const next = event.shiftKey ? [first, last + step] : [first + step, last + step];
  if (next[0] < 0 || next[1] >= side || next[1] < next[0]) return;
  state[axis] = next;
  draw();
  publish();
});
find(".region-all").addEventListener("click", () => {
  if (!state.grid) return;
  state.rows = [0, state.grid.h - 1];
  state.columns = [0, state.grid.w - 1];
  draw();
  publish();
});
scope.listen(element, { clip: takeClip, cursor: draw });
takeClip();
