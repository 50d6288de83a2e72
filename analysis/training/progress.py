"""What a run says about itself: JSON lines, TensorBoard scalars, rows for a progress bar."""

import time
from pathlib import Path

from analysis.training.kept_files import add_json_line, read_json_lines, replace_json_lines
from analysis.training.state import TrainingState
from analysis.training.update import Tally

PROGRESS_FILE = "progress.jsonl"
TENSORBOARD_FOLDER = "tensorboard"


class Clock:
    """Adds wall and processor time since the last reading to the state."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self, state: TrainingState) -> None:
        """Bring the state's times up to now."""
        wall, cpu = time.perf_counter(), time.process_time()
        state.wall_s += wall - self.wall
        state.cpu_s += cpu - self.cpu
        self.wall, self.cpu = wall, cpu


class Window:
    """Means since the last progress row."""

    def __init__(self):
        self.tallies: list[Tally] = []
        self.last_wall_s: float | None = None

    def add(self, tally: Tally) -> None:
        """Count one step."""
        self.tallies.append(tally)

    def row(self, state: TrainingState, world: int) -> dict:
        """The progress row of the steps counted; starts counting anew."""
        clips = sum(tally.clips for tally in self.tallies)
        names = self.tallies[0].sums
        means = {n: sum(tally.sums[n] for tally in self.tallies) / clips for n in names}
        row = {"step": state.step, "loss": round(means.pop("loss"), 4)}
        if "right" in means:
            row["accuracy"] = round(means.pop("right"), 4)
        row |= {name: round(value, 4) for name, value in means.items()}
        row["learning_rate"] = round(max(g["lr"] for g in state.optimizer.param_groups), 9)
        if self.last_wall_s is not None:
            row["clips_per_s"] = round(world * clips / (state.wall_s - self.last_wall_s), 1)
        row["wall_s"] = round(state.wall_s, 1)
        self.tallies, self.last_wall_s = [], state.wall_s
        return row


class ProgressLog:
    """Writes rows to progress.jsonl and to TensorBoard in a run's folder.

    Rows after `first_step`, left by a run that was stopped later than its last saved state, are
    taken out first: they will be written again.
    """

    def __init__(self, folder: Path, first_step: int):
        from torch.utils.tensorboard import SummaryWriter

        self.path = folder / PROGRESS_FILE
        self._forget_rows_after(first_step)
        self._board = SummaryWriter(folder / TENSORBOARD_FOLDER, purge_step=first_step + 1)

    def _forget_rows_after(self, step: int) -> None:
        if not self.path.exists():
            return
        rows = read_json_lines(self.path)
        replace_json_lines(self.path, [row for row in rows if row["step"] <= step])

    def write(self, row: dict) -> None:
        """Add one row."""
        add_json_line(self.path, row)
        for name, value in row.items():
            if name != "step":
                self._board.add_scalar(name, value, row["step"])

    def close(self) -> None:
        """Flush what TensorBoard has not written yet."""
        self._board.close()
