"""Charts as SVG, to stand inside a page."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# The page's own colours: see report.html.jinja.
INK = "#5b6472"
MAIN = "#2f6fde"
SYSTEMS = (MAIN, "#c2571a", "#2c8a57", "#8a4fbf", "#b03060")
SHARES: dict[str, Any] = {"xlim": (0, 1), "ylim": (0, 1.02)}
# Nothing in a report changes while its figures stay the same.
METADATA = {"Date": None}


def draw_reliability(bins: Sequence[Mapping[str, Any]]) -> str:
    """Return stated confidence against accuracy; a point's area grows with its bin's cases."""
    filled = [b for b in bins if b["n"]]
    figure, axes = _begin("stated confidence", "share that was right")
    axes.set(**SHARES)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--")
    stated, right = [b["confidence"] for b in filled], [b["accuracy"] for b in filled]
    axes.plot(stated, right, color=MAIN, linewidth=1.5)
    axes.scatter(stated, right, s=[20 + 3 * b["n"] for b in filled], color=MAIN)
    for b in filled:
        axes.annotate(
            str(b["n"]),
            (b["confidence"], b["accuracy"]),
            xytext=(6, -14),
            textcoords="offset points",
            color=INK,
        )
    return _render(figure)


def draw_roc(roc: Mapping[str, Sequence[float]]) -> str:
    """Return the share of supported sentences found against that of unsupported ones passed."""
    figure, axes = _begin("unsupported sentences above the score", "supported ones above it")
    axes.set(**SHARES)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--")
    axes.plot(roc["fpr"], roc["tpr"], color=MAIN, linewidth=1.5)
    return _render(figure)


def draw_users(systems: Mapping[str, Any], figure_name: str, up: str) -> str:
    """Return a figure of each system against how many customers are there at once.

    One colour a system; turns that are all new as a whole line, repeated ones as a broken one.
    """
    figure, axes = _begin("customers at once", up)
    for colour, (name, loads) in zip(SYSTEMS, systems.items(), strict=False):
        for kind, line in (("cold", "-"), ("zipf", "--")):
            points = sorted((int(users), each[figure_name]) for users, each in loads[kind].items())
            axes.plot(
                *zip(*points, strict=True), line, color=colour, marker="o", label=f"{name}, {kind}"
            )
    axes.set(xlim=(0, None), ylim=(0, None))
    axes.legend(frameon=False, labelcolor=INK, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return _render(figure)


def _begin(across: str, up: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(5, 4), layout="constrained")
    FigureCanvasSVG(figure)
    figure.patch.set_alpha(0)
    axes: Any = figure.add_subplot()
    axes.set(xlabel=across, ylabel=up)
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    for spine in axes.spines.values():
        spine.set_color(INK)
    return figure, axes


def _render(figure: Figure) -> str:
    """Return the <svg> element alone, with its text as text."""
    file = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "frontdesk"}):
        figure.savefig(file, format="svg", metadata=METADATA)
    text = file.getvalue()
    return text[text.index("<svg") :]
