"""A plot under its title."""

import gradio as gr
import plotly.graph_objects as go


def titled_plot(figure: go.Figure, title: str) -> gr.Plot:
    """Place `title` and, under it, the plot."""
    gr.HTML(f'<h4 class="figure-title">{title}</h4>', apply_default_css=False)
    return gr.Plot(figure, label=title, show_label=False, elem_classes="scan-figure")
