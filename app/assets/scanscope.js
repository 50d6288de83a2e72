// Shared by every part of the page: the clip as the model sees it, one time cursor, one selected
// token, the keyboard, and the choice of light or dark. Nothing here talks to the server.
(() => {
  const THEME_KEY = "scanscope-theme";

  const state = {
    clip: null,
    opening: null,
    cursor: { frame: 0, token: null },
    playing: null,
    links: {},
  };

  const announce = (name) => window.dispatchEvent(new CustomEvent(`scanscope:${name}`));

  function showClip(clip) {
    stop();
    state.clip = clip;
    state.cursor = state.opening ?? { frame: 0, token: null };
    state.opening = null;
    announce("clip");
    announce("cursor");
  }

  // Where the clip that is shown next begins, {frame, token}: what an opened link asks for.
  function openAt(cursor) { state.opening = cursor; }

  function moveTo({ frame = state.cursor.frame, token = state.cursor.token }) {
    if (!state.clip) return;
    const count = state.clip.count;
    state.cursor = { frame: ((frame % count) + count) % count, token };
    announce("cursor");
  }

  // Whether a tab's own clip, {name, times_s}, is the one whose frames are shown.
  function shows(own) {
    const shown = state.clip;
    return Boolean(shown && own && shown.name === own.name
      && shown.times_s.length === own.times_s.length
      && shown.times_s.every((time, index) => time === own.times_s[index]));
  }

  // What a tab adds to the page's address: parameter `name`, "" for none.
  function linkTo(name, text) {
    if (state.links[name] === text) return;
    state.links[name] = text;
    announce("link");
  }

  // A token covers `tubelet` frames: choosing it moves the time cursor into them.
  function selectToken(token) {
    const { grid, tubelet } = state.clip;
    const inFrame = Math.floor(token / (grid.h * grid.w));
    const keep = Math.floor(state.cursor.frame / tubelet) === inFrame;
    moveTo({ token, frame: keep ? state.cursor.frame : inFrame * tubelet });
  }

  function stepToken(rows, columns) {
    const clip = state.clip;
    if (!clip || !clip.grid) return;
    const { h, w } = clip.grid;
    const inFrame = Math.floor(state.cursor.frame / clip.tubelet);
    const cell = state.cursor.token === null ? null : state.cursor.token % (h * w);
    const row = cell === null ? Math.floor(h / 2) : Math.floor(cell / w) + rows;
    const column = cell === null ? Math.floor(w / 2) : (cell % w) + columns;
    selectToken(inFrame * h * w + ((row + h) % h) * w + ((column + w) % w));
  }

  function step(by) {
    stop();
    if (!state.clip) return;
    const frame = (state.cursor.frame + by + state.clip.count) % state.clip.count;
    let token = state.cursor.token;
    if (token !== null) {
      const perFrame = state.clip.grid.h * state.clip.grid.w;
      token = Math.floor(frame / state.clip.tubelet) * perFrame + (token % perFrame);
    }
    moveTo({ frame, token });
  }

  function stop() {
    if (state.playing === null) return;
    clearInterval(state.playing);
    state.playing = null;
    announce("cursor");
  }

  // Plays at the clip's own pace where that can be followed, else as fast as the eye likes.
  function play() {
    if (!state.clip || state.clip.count < 2) return;
    const times = state.clip.times_s;
    const apart = ((times[times.length - 1] - times[0]) / (times.length - 1)) * 1000;
    const pause = Math.min(Math.max(apart || 120, 60), 400);
    state.cursor.token = null;
    state.playing = setInterval(() => moveTo({ frame: state.cursor.frame + 1 }), pause);
    announce("cursor");
  }

  const togglePlay = () => (state.playing === null ? play() : stop());

  function listen(element, handlers) {
    for (const [name, handler] of Object.entries(handlers)) {
      const whileShown = () => {
        if (element.isConnected) handler();
        else window.removeEventListener(`scanscope:${name}`, whileShown);
      };
      window.addEventListener(`scanscope:${name}`, whileShown);
    }
  }

  // Paints frame `index` of a clip's sprite as the background of `element`.
  function paint(element, index, clip = state.clip) {
    const rows = Math.ceil(clip.count / clip.columns);
    const column = index % clip.columns;
    const row = Math.floor(index / clip.columns);
    const share = (at, of) => (of > 1 ? (100 * at) / (of - 1) : 0);
    element.style.backgroundImage = `url(${clip.sprite})`;
    element.style.backgroundSize = `${100 * clip.columns}% ${100 * rows}%`;
    element.style.backgroundPosition = `${share(column, clip.columns)}% ${share(row, rows)}%`;
  }

  function setTheme(theme) {
    document.body.classList.toggle("dark", theme === "dark");
    document.documentElement.style.colorScheme = theme;
  }

  function toggleTheme() {
    const theme = document.body.classList.contains("dark") ? "light" : "dark";
    localStorage.setItem(THEME_KEY, theme);
    setTheme(theme);
  }

  const keys = () => document.getElementById("scanscope-keys");

  function toggleKeys() {
    const dialog = keys();
    if (!dialog) return;
    if (dialog.open) dialog.close();
    else dialog.showModal();
  }

  const typing = (target) =>
    target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  const pressable = (target) => /^(BUTTON|A|SUMMARY)$/.test(target.tagName);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (typing(target) || target.closest('[role="tablist"], [role="listbox"], dialog')) return;
    const actions = {
      " ": () => !pressable(target) && (togglePlay(), true),
      ArrowLeft: () => (event.shiftKey ? stepToken(0, -1) : step(-1), true),
      ArrowRight: () => (event.shiftKey ? stepToken(0, 1) : step(1), true),
      ArrowUp: () => event.shiftKey && (stepToken(-1, 0), true),
      ArrowDown: () => event.shiftKey && (stepToken(1, 0), true),
      "?": () => (toggleKeys(), true),
    };
    if (actions[event.key]?.()) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const asked = event.target.closest("[data-scanscope]")?.dataset.scanscope;
    if (asked === "theme") toggleTheme();
    if (asked === "keys") toggleKeys();
  });

  // A menu opens with its text selected: typing searches it at once.
  document.addEventListener("focusin", (event) => {
    if (event.target.matches('input[role="combobox"]')) event.target.select();
  });

  const chosen = new URLSearchParams(location.search).get("__theme");
  const kept = chosen || localStorage.getItem(THEME_KEY);
  if (kept === "light" || kept === "dark") {
    const apply = () => setTheme(kept);
    if (document.body) apply();
    document.addEventListener("DOMContentLoaded", apply);
    window.addEventListener("load", apply);
  }

  // On a phone the sidebar would cover the answer, so it is folded as soon as it reacts.
  function foldSidebar() {
    let opened = false;
    const trying = setInterval(() => {
      const sidebar = document.getElementById("sidebar");
      if (!sidebar) return;
      if (sidebar.classList.contains("open")) {
        opened = true;
        sidebar.querySelector(".toggle-button").click();
      } else if (opened) {
        clearInterval(trying);
        document.documentElement.classList.add("settled");
      }
    }, 60);
  }
  if (window.innerWidth <= 720) foldSidebar();

  // Where the row of tabs is pushed sideways, the one that was opened comes into sight.
  new MutationObserver((changes) => {
    const opened = '#tabs [role="tab"][aria-selected="true"]';
    const tab = changes.map((change) => change.target).find((target) => target.matches(opened));
    const row = tab?.closest('[role="tablist"]');
    row?.scrollTo({ left: tab.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2 });
  }).observe(document.documentElement, { subtree: true, attributeFilter: ["aria-selected"] });

  // Reads what app/components/packed.py wrote; the same object as long as `read` gives the same.
  function unpacker(read) {
    const last = { text: null, value: null };
    return () => {
      const text = read();
      if (text !== last.text) Object.assign(last, { text, value: text ? JSON.parse(text) : null });
      return last.value;
    };
  }

  window.scanscope = {
    get clip() { return state.clip; },
    get cursor() { return state.cursor; },
    get playing() { return state.playing !== null; },
    get links() { return state.links; },
    showClip, shows, openAt, moveTo, linkTo, selectToken, step, togglePlay, stop, listen, paint, unpacker,
  };
})();
