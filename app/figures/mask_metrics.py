"""What masks leave, as plots: runs and gaps along the scan, tokens by time step and by site."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.figures.evidence import frames_in_words
from app.figures.number_format import percent, whole
from app.figures.plot_template import placeholder, styled
from app.mask_measures import MaskMeasures
from app.theme import SEQUENTIAL, STRATEGY_COLORS, STRATEGY_NAMES

HEIGHT = 360
_ACROSS = 4
_EN_DASH = "\N{EN DASH}"


def run_figure(measures: MaskMeasures | None) -> go.Figure:
    """A row of bars per strategy: the visible tokens by the length of the run they stand in."""
    if measures is None:
        return placeholder("Runs of visible tokens, a row of bars per strategy.")
    scans = {name: one.scans[measures.scan_order] for name, one in measures.metrics.items()}
    tokens = {
        name: [length * count for length, count in enumerate(scan.run_counts, 1)]
        for name, scan in scans.items()
    }
    return _bars_by_size(
        measures,
        tokens,
        "length of the run, tokens",
        "{share} of what {name} leaves: runs of {size}",
    )


def gap_figure(measures: MaskMeasures | None) -> go.Figure:
    """A row of bars per strategy: steps between visible tokens by what was dropped from them."""
    if measures is None:
        return placeholder("Gaps between visible tokens, a row of bars per strategy.")
    scans = {name: one.scans[measures.scan_order] for name, one in measures.metrics.items()}
    return _bars_by_size(
        measures,
        {name: scan.gap_counts for name, scan in scans.items()},
        "scan steps apart before dropping",
        "{share} of the steps {name} leaves led {size} tokens on",
    )


def frame_figure(measures: MaskMeasures | None) -> go.Figure:
    """Visible tokens of each time step in the masks on the page, a line per strategy."""
    if measures is None:
        return placeholder("Visible tokens by time step, a line per strategy.")
    grid = measures.drawn.grid
    steps = [frames_in_words(step, step, measures.tubelet).capitalize() for step in range(grid.t)]
    figure = go.Figure()
    for name, counts in measures.shown_by_frame.items():
        chosen = name == measures.drawn.setting.strategy
        figure.add_scatter(
            name=STRATEGY_NAMES[name],
            x=list(range(1, grid.t + 1)),
            y=counts,
            mode="lines+markers",
            zorder=int(chosen),
            line={"color": STRATEGY_COLORS[name], "width": 3 if chosen else 1.5},
            marker={"size": 8 if chosen else 5},
            customdata=steps,
            hovertemplate=f"%{{customdata}}: {STRATEGY_NAMES[name]} leaves %{{y}} of "
            f"{grid.h * grid.w} tokens<extra></extra>",
        )
    figure.update_xaxes(title="time step", dtick=max(1, grid.t // 8), showgrid=False)
    figure.update_yaxes(title="visible tokens", rangemode="tozero")
    return _with_legend(styled(figure, height=HEIGHT))


def site_figure(measures: MaskMeasures | None) -> go.Figure:
    """A picture per strategy: how often each site is visible, over time steps and draws."""
    if measures is None:
        return placeholder("How often each place of the frame is visible, a picture per strategy.")
    names = list(measures.metrics)
    rows = -(-len(names) // _ACROSS)
    figure = make_subplots(
        rows,
        _ACROSS,
        subplot_titles=[_marked(name, measures) for name in names],
        horizontal_spacing=0.03,
        vertical_spacing=0.14,
    )
    for index, name in enumerate(names):
        row, column = divmod(index, _ACROSS)
        figure.add_heatmap(
            z=measures.metrics[name].by_site,
            coloraxis="coloraxis",
            hovertemplate=f"{STRATEGY_NAMES[name]}: row %{{y}}, column %{{x}} is visible in "
            "%{z:.0%} of time steps and draws<extra></extra>",
            x0=1,
            y0=1,
            row=row + 1,
            col=column + 1,
        )
    styled(figure, height=HEIGHT)
    figure.update_xaxes(visible=False)
    # On a narrow page the pictures are lower than their places: they stay below their names.
    figure.update_yaxes(
        visible=False, autorange="reversed", constrain="domain", constraintoward="top"
    )
    for number in range(1, len(names) + 1):
        figure.update_yaxes(
            scaleanchor=f"x{number if number > 1 else ''}",
            selector={"anchor": f"x{number if number > 1 else ''}"},
        )
    figure.update_annotations(font={"size": 12})
    figure.update_layout(
        coloraxis={
            "colorscale": SEQUENTIAL,
            "cmin": 0,
            "colorbar": {"tickformat": ".0%", "thickness": 10, "len": 0.9, "nticks": 5},
        }
    )
    return figure


def _bars_by_size(
    measures: MaskMeasures, counts: Mapping[str, Sequence[float]], axis: str, words: str
) -> go.Figure:
    """Shares of each strategy's `counts` of sizes 1, 2, ... in bins that double."""
    binned = {name: _doubling_bins(of) for name, of in counts.items()}
    bins = max(map(len, binned.values()), default=0)
    if not bins:
        return placeholder("Too few tokens are visible: choose a lower ratio.")
    labels = [_bin_label(number) for number in range(bins)]
    figure = make_subplots(len(binned), 1, shared_xaxes=True, vertical_spacing=0.02)
    for row, (name, amounts) in enumerate(binned.items(), 1):
        total = sum(amounts) or 1.0
        shares = [amount / total for amount in amounts] + [0.0] * (bins - len(amounts))
        figure.add_bar(
            x=labels,
            y=shares,
            marker={"color": STRATEGY_COLORS[name], "line": {"width": 0}},
            customdata=[
                words.format(share=percent(part), name=STRATEGY_NAMES[name], size=label)
                for part, label in zip(shares, labels, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
            row=row,
            col=1,
        )
    styled(figure, height=HEIGHT)
    figure.update_layout(showlegend=False, bargap=0.12)
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_xaxes(title=axis, row=len(binned), col=1)
    for row, name in enumerate(binned, 1):
        figure.update_yaxes(
            range=[0, 1.05],
            tickvals=[0.5],
            ticktext=[_marked(name, measures)],
            showgrid=False,
            row=row,
            col=1,
        )
    return figure


def _doubling_bins(counts: Sequence[float]) -> list[float]:
    """Counts of sizes 1, 2, 3, ... summed over 1, 2 to 3, 4 to 7 and so on."""
    bins = [0.0] * len(counts).bit_length()
    for size, count in enumerate(counts, 1):
        bins[size.bit_length() - 1] += count
    return bins


def _bin_label(number: int) -> str:
    least, most = 2**number, 2 ** (number + 1) - 1
    return whole(least) if least == most else f"{whole(least)}{_EN_DASH}{whole(most)}"


def _marked(name: str, measures: MaskMeasures) -> str:
    """The name of a strategy, bold where it is the chosen one."""
    words = STRATEGY_NAMES[name]
    return f"<b>{words}</b>" if name == measures.drawn.setting.strategy else words


def _with_legend(figure: go.Figure) -> go.Figure:
    """The legend in rows under the plot."""
    figure.update_layout(
        legend={"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0, "font": {"size": 11}}
    )
    return figure
