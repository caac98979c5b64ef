"""The frame of a page: escaping, style, tables."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

# No control character may stand in a page, but tab and line feed (WHATWG HTML, 13.1.4); half of a surrogate pair cannot be written.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

_STYLE = """
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#1c2330;--faint:#5c6675;--line:#dfe3e9;--track:#e9edf2;
--main:#2563a8;--second:#c27803;--third:#9aa5b4;--good:#1d7a46;--bad:#b3261e;--warn:#8a5a00}
@media(prefers-color-scheme:dark){:root{--ground:#12161d;--card:#1a202a;--ink:#e6eaf0;--faint:#9aa6b6;--line:#2c3543;--track:#2a3341;
--main:#6aaaf0;--second:#e0a33c;--third:#5d6a7c;--good:#5cc98b;--bad:#f2867f;--warn:#e6b455}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main,header,footer{max-width:76rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.2rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem}
h2{font-size:1.25rem;margin:2.4rem 0 .8rem}
h3{font-size:1.02rem;margin:0;overflow-wrap:anywhere}
h4{font-size:.8rem;margin:1rem 0 .3rem;color:var(--faint);font-weight:600}
p{margin:.3rem 0}
.faint,footer{color:var(--faint)}
footer{padding-top:2rem;padding-bottom:2.5rem;font-size:.85rem}
.tiles{display:flex;flex-wrap:wrap;gap:.8rem;margin:.4rem 0 1rem}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem}
.tile{padding:.6rem 1rem;min-width:8.5rem}
.tile b{display:block;font-size:1.5rem;line-height:1.3;font-variant-numeric:tabular-nums}
.tile span{color:var(--faint);font-size:.85rem}
.card{padding:1rem 1.15rem;margin:0 0 1rem}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,33rem),1fr));gap:1rem;align-items:start}
.grid .card{margin:0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
caption{text-align:left;color:var(--faint);font-size:.85rem;padding:0 0 .35rem}
th,td{text-align:left;padding:.36rem .7rem .36rem 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:break-word}
th{font-weight:600;color:var(--faint);font-size:.8rem;white-space:nowrap}
tbody th{color:var(--ink);font-size:.9rem;white-space:normal}
tr:last-child>*{border-bottom:0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.pair{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:1rem;align-items:start}
@media(max-width:40rem){.pair{grid-template-columns:1fr}}
svg{display:block;max-width:100%;height:auto}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}
svg .soft{fill:var(--faint)}
.main{fill:var(--main)}.second{fill:var(--second)}.third{fill:var(--third)}.track{fill:var(--track)}
.key{display:inline-block;width:.75em;height:.75em;border-radius:.15em;margin:0 .3em 0 .9em}
.key.main{background:var(--main)}.key.second{background:var(--second)}.key.third{background:var(--third)}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
code{font:.87em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.note{border-left:.25rem solid var(--second);padding:.5rem .9rem;background:var(--card);border-radius:.3rem;margin:.6rem 0}
ul{margin:.3rem 0;padding-left:1.1rem}
a{color:var(--main)}
@media print{body{background:#fff}.card,.tile{break-inside:avoid}}
"""


def text(value: object) -> str:
    """A value as it may stand anywhere in a page; what turns a line around stays within it."""
    return f"<bdi>{attribute(value)}</bdi>"


def attribute(value: object) -> str:
    """A value as it may stand in quotes."""
    return html.escape(_UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", str(value)), quote=True)


def document(title: str, under: str, parts: Iterable[str], foot: str) -> str:
    """A whole page.

    Args:
        title: what it is about.
        under: a line below it.
        parts: markup, in order.
        foot: what stands at the end.
    """
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f'<meta name="color-scheme" content="light dark"><title>{attribute(title)}</title><style>{_STYLE}</style></head>\n'
        f'<body><header><h1>{text(title)}</h1><p class="faint">{text(under)}</p></header>\n'
        f"<main>\n{body}\n</main><footer>{text(foot)}</footer></body></html>\n"
    )


def write(path: Path, page: str) -> None:
    """Writes a page; a file that stands there is replaced when the new one is whole, anything else (/dev/stdout) is written to."""
    if path.exists() and not path.is_file():
        path.write_text(page, encoding="utf-8")
        return
    whole = path.resolve()  # a link stays one
    part = whole.with_name(f"{whole.name}.part")
    part.write_text(page, encoding="utf-8")
    part.replace(whole)


def tiles(values: Iterable[tuple[str, str]]) -> str:
    """Figures with what they are, side by side: (figure, what it is)."""
    shown = "".join(f'<div class="tile"><b>{text(value)}</b><span>{text(name)}</span></div>' for value, name in values)
    return f'<div class="tiles">{shown}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "", numbers: Sequence[int] = ()) -> str:
    """A table.

    Args:
        head: the columns' names, plain texts.
        rows: cells as markup; the first of each names its row.
        caption: what it shows.
        numbers: which columns hold figures.
    """
    return "".join(_table(head, rows, caption, frozenset(numbers)))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str, numbers: frozenset[int]) -> Iterator[str]:
    yield '<div class="scroll"><table>'
    if caption:
        yield f"<caption>{text(caption)}</caption>"
    yield "<thead><tr>"
    for at, name in enumerate(head):
        yield f'<th scope="col"{_figures(at, numbers)}>{text(name)}</th>'
    yield "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>"
        for at, cell in enumerate(row):
            yield f'<th scope="row">{cell}</th>' if at == 0 else f"<td{_figures(at, numbers)}>{cell}</td>"
        yield "</tr>"
    yield "</tbody></table></div>"


def _figures(at: int, numbers: frozenset[int]) -> str:
    return ' class="n"' if at in numbers else ""
