// The page's address is the link to what it shows. `props.value` is {parameters, note, place}:
// what the server knows of the address ("" where a fresh page has the same), what to say when the
// link is copied, and where in the clip an opened link begins. Token and time cursor are added here.
const scope = window.scanscope;
const said = element.querySelector(".link-said");
const words = said.querySelector("span");
const field = said.querySelector("input");
const PAUSE_MS = 250;
const SAID_MS = 8000;
const timers = { write: 0, said: 0 };

// As text: token is time step, row, column from 0; the cursor counts frames from 1, as the page does.
function place() {
  const { clip, cursor: { frame, token } } = scope;
  const perFrame = clip.grid.h * clip.grid.w;
  const step = token === null ? 0 : Math.floor(token / perFrame);
  const cell = token % perFrame;
  return {
    token: token === null ? "" : [step, Math.floor(cell / clip.grid.w), cell % clip.grid.w].join(),
    cursor: frame === step * clip.tubelet ? "" : String(frame + 1),
  };
}

function link() {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries({ ...props.value.parameters, ...scope.links, ...place() })) {
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
  address.search = String(address.searchParams).replaceAll("%2C", ",");
  return address.href;
}

// Until the first clip is shown the address stays as it was opened; while frames play it waits.
function write() {
  if (!props.value || !scope.clip || scope.playing || !element.isConnected) return;
  const address = link();
  if (address !== location.href) history.replaceState(history.state, "", address);
}

function writeSoon() {
  clearTimeout(timers.write);
  timers.write = setTimeout(write, PAUSE_MS);
}

async function copy() {
  scope.stop();
  write();
  const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
  field.hidden = Boolean(copied);
  field.value = location.href;
  const how = copied ? "Link copied." : "This browser lets no page copy; here is the link.";
  words.textContent = [how, props.value?.note].filter(Boolean).join(" ");
  said.hidden = false;
  clearTimeout(timers.said);
  if (copied) timers.said = setTimeout(() => { said.hidden = true; }, SAID_MS);
  else field.select();
}

function take() {
  if (props.value?.place) scope.openAt(props.value.place);
  writeSoon();
}

element.querySelector(".link-copy").addEventListener("click", copy);
said.addEventListener("keydown", (event) => { if (event.key === "Escape") said.hidden = true; });
scope.listen(element, { cursor: writeSoon, link: writeSoon });
watch("value", take);
take();
