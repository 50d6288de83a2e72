// The player beside the moments: shows one from its beginning, and stops or begins again at its end.
const find = (name) => element.querySelector(name);
const [screen, loop] = [".mo-video", ".mo-loop"].map(find);
const player = { moment: null, address: "", seeking: false, watching: 0 };
const SLACK_S = 0.02;
const OUTSIDE_S = 0.3;

// Puts a moment, {video, t0, t1}, on the screen without playing it.
function show(moment, address) {
  player.moment = moment;
  if (player.address !== address) {
    player.address = address;
    screen.src = new URL(address, document.baseURI).href;
  }
  goTo(moment.t0);
}

function play() {
  screen.play().catch(() => {});
}

function goTo(time) {
  player.seeking = true;
  screen.currentTime = time + SLACK_S;
}

// Frames are looked at as they come: `timeupdate` would let a quarter of a second pass.
function watchEnd() {
  cancelAnimationFrame(player.watching);
  if (screen.paused) return;
  if (player.moment && !player.seeking && screen.currentTime >= player.moment.t1 - SLACK_S) atEnd();
  player.watching = requestAnimationFrame(watchEnd);
}

const loops = () => loop.getAttribute("aria-pressed") === "true";

function atEnd() {
  if (!loops()) screen.pause();
  goTo(player.moment.t0);
}

function leaveMoment() {
  const { moment, seeking } = player;
  if (!moment || seeking) return;
  const at = screen.currentTime;
  if (at < moment.t0 - OUTSIDE_S || at > moment.t1 + OUTSIDE_S) player.moment = null;
}

function cannotPlay() {
  if (!screen.getAttribute("src")) return;
  const name = player.moment?.video ?? "this video";
  find(".mo-now").textContent = `This browser cannot play ${name}; a program for videos may.`;
}

screen.addEventListener("play", watchEnd);
screen.addEventListener("seeking", leaveMoment);
screen.addEventListener("seeked", () => { player.seeking = false; });
screen.addEventListener("ended", () => { if (player.moment && loops()) { goTo(player.moment.t0); play(); } });
screen.addEventListener("error", cannotPlay);
loop.addEventListener("click", () => loop.setAttribute("aria-pressed", String(!loops())));
// The page's own keys move its filmstrip; here they are the player's.
element.addEventListener("keydown", (event) => {
  if (event.target.closest("video, .mo-strip-plot")) event.stopPropagation();
});
