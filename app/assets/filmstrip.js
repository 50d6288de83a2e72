// The clip as the model sees it: a large frame, a strip of all frames, where in time they lie.
// `props.value` is the packed dictionary of app/components/filmstrip.py, or null.
const find = (name) => element.querySelector(name);
const [image, grid, strip, track] = [".film-image", ".film-grid", ".film-strip", ".film-track"].map(find);
const scope = window.scanscope;
const value = scope.unpacker(() => props.value);
const GAP = 4;

const seconds = (value) => `${value.toFixed(value < 10 ? 2 : 1)}\u202fs`;

// The largest square tile with which all frames fit into the strip, in one row or several.
function layStrip() {
  const count = scope.clip?.count;
  if (!count || !strip.clientWidth) return;
  let best = { size: 0, columns: 1 };
  for (let rows = 1; rows <= 4; rows += 1) {
    const columns = Math.ceil(count / rows);
    const wide = (strip.clientWidth - GAP * (columns - 1)) / columns;
    const high = (strip.clientHeight - GAP * (rows - 1)) / rows;
    const size = Math.floor(Math.min(wide, high));
    if (size > best.size) best = { size, columns };
  }
  strip.style.gridTemplateColumns = `repeat(${best.columns}, ${best.size}px)`;
  strip.style.gridAutoRows = `${best.size}px`;
}

function markClip() {
  const clip = scope.clip;
  find(".film-name").textContent = clip.name;
  find(".film-source").textContent = clip.source;
  find(".film-start").textContent = "0\u202fs";
  find(".film-end").textContent = seconds(clip.duration_s);
  strip.replaceChildren(
    ...clip.times_s.map((time, index) => {
      const tile = document.createElement("button");
      tile.type = "button";
      tile.className = "film-tile";
      tile.ariaLabel = `Frame ${index + 1} of ${clip.count}, at ${time.toFixed(2)} seconds`;
      tile.addEventListener("click", () => { scope.stop(); scope.moveTo({ frame: index, token: null }); });
      scope.paint(tile, index);
      return tile;
    }),
  );
  track.replaceChildren(
    ...clip.times_s.map((time) => {
      const tick = document.createElement("i");
      tick.style.left = `${(100 * time) / Math.max(clip.duration_s, 1e-6)}%`;
      return tick;
    }),
  );
  image.classList.toggle("film-coarse", clip.tile_width < 128);
  layStrip();
  drawGrid();
}

function drawGrid() {
  const clip = scope.clip;
  if (!clip.grid) return;
  const { h, w } = clip.grid;
  grid.style.gridTemplate = `repeat(${h}, 1fr) / repeat(${w}, 1fr)`;
  grid.replaceChildren(...Array.from({ length: h * w }, () => document.createElement("i")));
}

function markCursor() {
  const clip = scope.clip;
  if (!clip) return;
  const { frame, token } = scope.cursor;
  scope.paint(image, frame);
  image.setAttribute("aria-label", `Frame ${frame + 1} of ${clip.count} of ${clip.name}`);
  [...strip.children].forEach((tile, index) => tile.classList.toggle("at", index === frame));
  [...track.children].forEach((tick, index) => tick.classList.toggle("at", index === frame));
  const words = [`frame ${frame + 1} of ${clip.count}`, seconds(clip.times_s[frame])];
  const perFrame = clip.grid ? clip.grid.h * clip.grid.w : 0;
  [...grid.children].forEach((cell, index) =>
    cell.classList.toggle("at", token !== null && index === token % perFrame));
  if (token !== null) {
    const cell = token % perFrame;
    words.push(`token ${token} (t ${Math.floor(token / perFrame)}, ` +
      `y ${Math.floor(cell / clip.grid.w)}, x ${cell % clip.grid.w})`);
  }
  if (token !== null) showGrid(true);
  find(".film-readout").textContent = words.join(" \u00b7 ");
  const button = find(".film-play");
  button.innerHTML = scope.playing ? "&#10073;&#10073;" : "&#9654;";
  button.ariaLabel = scope.playing ? "Pause" : "Play";
}

function showGrid(shown) {
  grid.hidden = !shown;
  find(".film-grid-toggle").setAttribute("aria-pressed", String(shown));
}

grid.addEventListener("click", (event) => {
  const cell = [...grid.children].indexOf(event.target);
  if (cell < 0) return;
  const perFrame = scope.clip.grid.h * scope.clip.grid.w;
  scope.stop();
  scope.selectToken(Math.floor(scope.cursor.frame / scope.clip.tubelet) * perFrame + cell);
});
find(".film-grid-toggle").addEventListener("click", () => {
  if (!grid.hidden) scope.moveTo({ token: null });
  showGrid(grid.hidden);
});
find(".film-report").addEventListener("click", () => trigger("report"));
find(".film-play").addEventListener("click", scope.togglePlay);
element.querySelectorAll("[data-step]").forEach((button) =>
  button.addEventListener("click", () => scope.step(Number(button.dataset.step))));
track.addEventListener("click", (event) => {
  const box = track.getBoundingClientRect();
  const time = ((event.clientX - box.left) / box.width) * scope.clip.duration_s;
  const apart = scope.clip.times_s.map((at) => Math.abs(at - time));
  scope.stop();
  scope.moveTo({ frame: apart.indexOf(Math.min(...apart)), token: null });
});

scope.listen(element, { clip: markClip, cursor: markCursor });
new ResizeObserver(layStrip).observe(strip);
const take = () => { if (value()) scope.showClip(value()); };
watch("value", take);
take();
