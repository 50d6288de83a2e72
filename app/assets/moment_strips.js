// Similarity over time: one strip for each video, all on one scale; a press plays there.
const SHAPE = "http://www.w3.org/2000/svg";
const strips = { list: [], scale: null };
const WIDE = 1000;
const HIGH = 40;

function drawn(tag, attributes) {
  const node = document.createElementNS(SHAPE, tag);
  for (const [name, text] of Object.entries(attributes)) node.setAttribute(name, text);
  return node;
}

const middle = ([t0, t1]) => (t0 + t1) / 2;

function buildStrips(asked, scale, chosen) {
  strips.scale = scale;
  strips.list = asked.map((strip) => buildStrip(strip, chosen));
  find(".mo-strip-list").replaceChildren(...strips.list.map(({ row }) => row));
}

function buildStrip(strip, chosen) {
  const row = document.createElement("div");
  row.className = "mo-strip";
  const name = document.createElement("span");
  name.className = "mo-strip-name";
  name.textContent = fileName(strip.video);
  name.title = strip.video;
  const best = document.createElement("span");
  best.className = "mo-strip-best";
  best.textContent = `best ${strip.best}`;
  const plot = drawn("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", class: "mo-strip-plot", tabindex: 0, role: "slider", "aria-label": `Similarity over ${strip.video}, ${strip.length}`, "aria-valuemin": 0, "aria-valuemax": strip.windows.length - 1 });
  const head = drawn("line", { class: "mo-head", y1: 0, y2: HIGH });
  const part = drawn("rect", { class: "mo-part", y: 0, height: HIGH });
  plot.append(...lines(strip), part, head);
  row.append(name, plot, best);
  const one = { strip, row, plot, head, part, at: bestWindow(strip) };
  listen(one, chosen);
  return one;
}

const across = (strip, time) => (WIDE * time) / strip.duration_s;

function up(score) {
  const [low, high] = strips.scale;
  return HIGH - 3 - (HIGH - 6) * (high > low ? (score - low) / (high - low) : 0.5);
}

// A window stands for its middle; before the first and after the last nothing is known but them.
function lines(strip) {
  const points = strip.windows.map((one) => [across(strip, middle(one)), up(one[2])]);
  const ends = [[0, points[0][1]], ...points, [WIDE, points[points.length - 1][1]]];
  const path = ends.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const median = up(strips.scale[2]).toFixed(1);
  return [
    drawn("polygon", { class: "mo-area", points: `0,${HIGH} ${path} ${WIDE},${HIGH}` }),
    drawn("line", { class: "mo-median", x1: 0, x2: WIDE, y1: median, y2: median }),
    drawn("polyline", { class: "mo-line", points: path }),
  ];
}

const bestWindow = ({ windows }) =>
  windows.reduce((best, one, index) => (one[2] > windows[best][2] ? index : best), 0);

function nearestWindow({ strip, plot }, event) {
  const box = plot.getBoundingClientRect();
  const time = (strip.duration_s * (event.clientX - box.left)) / box.width;
  const apart = strip.windows.map((one) => Math.abs(middle(one) - time));
  return apart.indexOf(Math.min(...apart));
}

function listen(one, chosen) {
  const { strip, plot } = one;
  const press = () => {
    const [t0, t1] = strip.windows[one.at];
    chosen({ video: strip.video, t0, t1 });
  };
  plot.addEventListener("pointermove", (event) => read(one, nearestWindow(one, event)));
  plot.addEventListener("pointerleave", () => { find(".mo-reading").textContent = ""; });
  plot.addEventListener("click", (event) => { one.at = nearestWindow(one, event); press(); });
  plot.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) {
      one.at = Math.min(Math.max(one.at + by, 0), strip.windows.length - 1);
      read(one, one.at);
    } else if (event.key === "Enter" || event.key === " ") press();
    else return;
    event.preventDefault();
  });
}

function read({ strip, plot }, index) {
  const [t0, t1, score] = strip.windows[index];
  const unit = value().of_clip ? "cosine" : "similarity";
  const amount = score.toFixed(3).replace("-", "\u2212");
  const words = `${strip.video}, ${t0.toFixed(1)} to ${t1.toFixed(1)} s: ${unit} ${amount}`;
  find(".mo-reading").textContent = words;
  plot.setAttribute("aria-valuenow", index);
  plot.setAttribute("aria-valuetext", words);
}

// Shades the chosen moment, and moves the playhead of the video on the screen.
function markStrips(moment) {
  for (const { strip, part } of strips.list) {
    const here = moment && moment.video === strip.video;
    part.setAttribute("x", here ? across(strip, moment.t0) : 0);
    part.setAttribute("width", here ? across(strip, moment.t1 - moment.t0) : 0);
  }
}

function moveHeads(video, time) {
  for (const { strip, head } of strips.list) {
    const x = strip.video === video ? across(strip, time) : -10;
    head.setAttribute("x1", x);
    head.setAttribute("x2", x);
  }
}
