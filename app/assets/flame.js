// A click on a call enlarges its time, in the calls and in the memory under them; the line above
// says what is under the pointer.
const show = (flame, start, span) => {
  flame.style.setProperty("--start", start);
  flame.style.setProperty("--span", span);
  flame.querySelector("svg").setAttribute("viewBox", `${10 * start} 0 ${10 * span} 100`);
  flame.querySelector("[data-whole]").hidden = span >= 100;
  const milliseconds = flame.dataset.ms / 100;
  const written = (at) => `${Number((at * milliseconds).toPrecision(3))} ms`;
  flame.querySelector("[data-from]").textContent = written(start);
  flame.querySelector("[data-to]").textContent = written(start + span);
};

const say = (flame, words) => {
  const readout = flame.querySelector(".flame-readout");
  readout.textContent = words ?? readout.dataset.rest;
};

element.addEventListener("click", (event) => {
  const flame = event.target.closest(".flame");
  const call = event.target.closest(".flame-calls > i");
  if (call) {
    show(flame, Number(call.style.getPropertyValue("--x")), Number(call.style.getPropertyValue("--w")));
  } else if (event.target.closest("[data-whole]")) {
    show(flame, 0, 100);
  }
});

element.addEventListener("pointerover", (event) => {
  const call = event.target.closest(".flame-calls > i");
  const flame = event.target.closest(".flame");
  if (flame) say(flame, call?.dataset.t);
});

// Arrows move along the calls of a depth and between depths; Enter enlarges, Escape shows all.
element.addEventListener("keydown", (event) => {
  const flame = event.target.closest(".flame");
  const calls = flame && [...flame.querySelectorAll(".flame-calls > i")];
  if (!calls?.length) return;
  const value = (call, name) => Number(call.style.getPropertyValue(name));
  const current = flame.chosen ?? calls[0];
  const depth = value(current, "--y");
  const middle = value(current, "--x") + value(current, "--w") / 2;
  const at = (row) => calls.filter((call) => value(call, "--y") === row);
  const nearest = (row) => row.sort((a, b) =>
    Math.abs(value(a, "--x") + value(a, "--w") / 2 - middle) - Math.abs(value(b, "--x") + value(b, "--w") / 2 - middle))[0];
  const moves = {
    ArrowRight: () => at(depth)[at(depth).indexOf(current) + 1],
    ArrowLeft: () => at(depth)[at(depth).indexOf(current) - 1],
    ArrowDown: () => nearest(at(depth + 1)),
    ArrowUp: () => nearest(at(depth - 1)),
  };
  if (moves[event.key]) {
    flame.chosen = moves[event.key]() ?? current;
    calls.forEach((call) => call.toggleAttribute("data-chosen", call === flame.chosen));
    say(flame, flame.chosen.dataset.t);
  } else if (event.key === "Enter") {
    show(flame, value(current, "--x"), value(current, "--w"));
  } else if (event.key === "Escape") {
    show(flame, 0, 100);
  } else {
    return;
  }
  event.preventDefault();
});
