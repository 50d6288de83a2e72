// Draws the shared time cursor over the lanes, and moves it where a lane is clicked.
const scope = window.scanscope;

function follow() {
  const duration = Number(element.querySelector("[data-duration]")?.dataset.duration);
  if (!duration || !scope.clip) return;
  element.style.setProperty("--playhead", scope.clip.times_s[scope.cursor.frame] / duration);
}

element.addEventListener("click", (event) => {
  const lane = event.target.closest(".lane-track");
  if (!lane || !scope.clip) return;
  const box = lane.getBoundingClientRect();
  const time = ((event.clientX - box.left) / box.width) * scope.clip.duration_s;
  const apart = scope.clip.times_s.map((at) => Math.abs(at - time));
  scope.stop();
  scope.moveTo({ frame: apart.indexOf(Math.min(...apart)), token: null });
});

scope.listen(element, { clip: follow, cursor: follow });
watch("value", follow);
follow();
