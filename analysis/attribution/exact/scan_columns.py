"""What single tokens cause: the columns of a frozen scan, as responses to impulses."""

from torch import Tensor

from analysis.ops.impulse_responses import ImpulseResponses, place_impulses
from analysis.tracing.scan_trace import ScanTrace


class ScanColumns:
    """A frozen scan, ready to be fed by one source token at a time."""

    def __init__(self, scan: ScanTrace):
        read = scan.positions
        self._skip, self._steps = scan.D, scan.steps
        self._responses = ImpulseResponses(scan.dt[read], scan.A, scan.B[read], scan.C[read])

    def __call__(self, sources: Tensor, impulses: Tensor, skip: bool = True) -> Tensor:
        """y (S, L, E) when each of the tokens `sources` (S,) alone feeds the recurrence.

        impulses (S, K, E): u at the k-th step from the source's own on; what would lie past the
        end is lost. `skip` adds D u. Tokens stand in canonical order.
        """
        starts = self._steps[sources]
        y = self._responses(starts, impulses)
        if skip:
            y += self._skip * place_impulses(impulses, starts, y.shape[1])
        return y[:, self._steps]
