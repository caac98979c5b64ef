"""Charts as inline SVG, drawn here: bars, columns, shares. Each says in words what it shows; the figures stand in a table beside it."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.ui.cli.render.html.page import attribute

WIDTH = 290
_ROW, _BAR, _LABEL = 22, 12, 112
_HEIGHT, _FOOT, _TOP = 100, 18, 16
_LETTERS = 14


def bars(rows: Sequence[tuple[str, float, str]], about: str) -> str:
    """Horizontal bars, the longest as long as there is room: (label, size, text behind it)."""
    most = max((size for _, size, _ in rows), default=0) or 1
    room = WIDTH - _LABEL - 48
    drawn = []
    for number, (label, size, said) in enumerate(rows):
        y = number * _ROW
        long = max(1.0, room * size / most) if size else 0
        drawn.append(
            f'<text x="0" y="{y + 14}">{attribute(_short(label))}</text>'
            f'<rect class="track" x="{_LABEL}" y="{y + 4}" width="{room}" height="{_BAR}" rx="2"/>'
            f'<rect class="main" x="{_LABEL}" y="{y + 4}" width="{long:.1f}" height="{_BAR}" rx="2"/>'
            f'<text class="soft" x="{_LABEL + room + 8}" y="{y + 14}">{attribute(said)}</text>'
        )
    return _svg(WIDTH, len(rows) * _ROW, about, "".join(drawn))


def columns(values: Sequence[tuple[str, float]], about: str) -> str:
    """Columns side by side, from nought: (label, size). The first, the last and the highest are named."""
    most = max((size for _, size in values), default=0) or 1
    step = min(48.0, WIDTH / max(1, len(values)))
    drawn = [f'<rect class="track" x="0" y="{_TOP + _HEIGHT}" width="{WIDTH}" height="1"/>']
    highest = max(range(len(values)), key=lambda at: values[at][1], default=0)
    for at, (label, size) in enumerate(values):
        tall = max(1.0, _HEIGHT * size / most) if size else 0
        x = at * step
        drawn.append(
            f'<rect class="main" x="{x + step * 0.1:.1f}" y="{_TOP + _HEIGHT - tall:.1f}" width="{step * 0.8:.1f}" height="{tall:.1f}"'
            f' rx="1"><title>{attribute(label)}: {size:,.0f}</title></rect>'
        )
        if at == highest:
            anchor = _anchor(x, step)
            drawn.append(
                f'<text class="soft" {anchor} y="{max(11.0, _TOP + _HEIGHT - tall - 4):.1f}">{size:,.0f}</text>'
            )
        if at in (0, len(values) - 1):
            drawn.append(f'<text class="soft" {_anchor(x, step)} y="{_TOP + _HEIGHT + 14}">{attribute(label)}</text>')
    return _svg(WIDTH, _TOP + _HEIGHT + _FOOT, about, "".join(drawn))


def shares(parts: Sequence[tuple[str, float]], about: str, width: int = 150) -> str:
    """One bar of several shares that add up to 1: (class of its colour, share)."""
    x, drawn = 0.0, [f'<rect class="track" x="0" y="2" width="{width}" height="{_BAR}" rx="2"/>']
    for style, share in parts:
        if share > 0:
            long = max(1.0, width * share)
            drawn.append(
                f'<rect class="{style}" x="{min(x, width - 1):.1f}" y="2" width="{min(long, width - x):.1f}" height="{_BAR}"/>'
            )
            x += width * share
    return _svg(width, _BAR + 4, about, "".join(drawn), fixed=True)


def _svg(width: float, height: float, about: str, inside: str, *, fixed: bool = False) -> str:
    size = f' width="{width:.0f}"' if fixed else ' width="100%"'
    limit = "" if fixed else f' style="max-width:{width * 1.4:.0f}px"'
    return (
        f'<svg role="img" aria-label="{attribute(about)}" viewBox="0 0 {width:.0f} {max(1, height):.0f}"{size}{limit}>'
        f"<title>{attribute(about)}</title>{inside}</svg>"
    )


def _anchor(x: float, step: float) -> str:
    middle = x + step / 2
    if middle < 30:
        return f'x="{x:.1f}" text-anchor="start"'
    if middle > WIDTH - 30:
        return f'x="{x + step:.1f}" text-anchor="end"'
    return f'x="{middle:.1f}" text-anchor="middle"'


def _short(label: str) -> str:
    label = " ".join(label.split())
    return label if len(label) <= _LETTERS else f"{label[: _LETTERS - 1]}…"
