// Moments that were found. `props.value` is what app/components/moment_view.py gives, packed.
const value = window.scanscope.unpacker(() => props.value);
const state = { chosen: null };

function make(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

// The folders before it would leave no room for it; they stand in the title.
const fileName = (video) => video.slice(video.lastIndexOf("/") + 1);
const same = (one, other) => Boolean(one && other && one.video === other.video
  && Math.abs(one.t0 - other.t0) < 1e-3);

function card(moment) {
  const node = make("button", "mo-card");
  node.type = "button";
  const picture = make("span", "mo-picture");
  const image = new Image();
  image.src = moment.picture;
  image.alt = "";
  picture.append(image, make("span", "mo-time", moment.time));
  const bar = make("span", "mo-bar");
  const fill = document.createElement("i");
  fill.style.width = `${100 * moment.bar}%`;
  bar.append(fill);
  node.append(picture, make("span", "mo-name", fileName(moment.video)), bar, scores(moment));
  node.title = `${moment.video}, ${moment.time}`;
  node.addEventListener("click", () => choose(moment, true));
  return node;
}

// Both scores side by side, the one that decided in front.
function scores(moment) {
  const { decides, of_clip: ofClip } = value();
  const line = make("span", "mo-scores");
  const named = { similarity: [ofClip ? "cosine" : "similarity", moment.similarity], match: ["match", moment.match] };
  const order = decides === "match" ? ["match", "similarity"] : ["similarity"];
  line.append(...order.map((name, place) => {
    const part = make("span", place ? "" : "mo-deciding", `${named[name][0]} `);
    part.append(make("b", "", named[name][1]));
    return part;
  }));
  return line;
}

function choose(moment, playing) {
  const { video, t0, t1 } = moment;
  state.chosen = { video, t0, t1 };
  find(".mo-now").textContent = `${video}, ${t0.toFixed(1)} to ${t1.toFixed(1)} s`;
  find(".mo-more").disabled = false;
  show(state.chosen, value().videos[video]);
  markStrips(state.chosen);
  follow();
  value().moments.forEach((one, index) => {
    find(".mo-cards").children[index].setAttribute("aria-pressed", String(same(one, state.chosen)));
  });
  if (!playing) return;
  play();
  trigger("choose", state.chosen);
}

function follow() {
  moveHeads(state.chosen?.video, screen.currentTime);
}

function build() {
  const found = value();
  if (!found) return;
  state.chosen = null;
  screen.pause();
  find(".mo-cards").replaceChildren(...found.moments.map(card));
  buildStrips(found.strips, found.scale, (moment) => choose(moment, true));
  find(".mo").dataset.asked = found.asked;
  window.scanscope.linkTo("find", found.link);
  if (found.moments.length) choose(found.moments[0], false);
  else find(".mo-more").disabled = true;
}

screen.addEventListener("timeupdate", follow);
find(".mo-more").addEventListener("click", () => { if (state.chosen) trigger("more", state.chosen); });
watch("value", build);
build();
