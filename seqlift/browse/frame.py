"""The page around a browser: a list of regions at the left, igv.js or letters at the right.

It loads files of its own folder only, and runs no script that stands in it.
"""

from seqlift.plots.page.charts import html_text, letter_shapes
from seqlift.plots.page.style import STYLE

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data: blob:;"
    " connect-src 'self' data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
)
"""What the page may load, as a browser enforces it: nothing from elsewhere, no inline script."""

FRAME_STYLE = """
main{max-width:none;display:grid;grid-template-columns:250px minmax(0,1fr);gap:20px}
h1{font-size:17px;grid-column:1/-1;overflow-wrap:anywhere}
nav ol{list-style:none;margin:8px 0;padding:0;max-height:70vh;overflow-y:auto}
@media (max-width:760px){main{grid-template-columns:1fr}nav ol{max-height:30vh}}
nav p{margin:6px 0;font-size:13px;color:var(--soft)}
nav button{width:100%;text-align:left;margin:0 0 4px;overflow-wrap:anywhere;font-size:13px}
nav button span{display:block;color:var(--soft);font-size:12px}
nav [aria-current]{border-color:var(--bar);box-shadow:inset 3px 0 var(--bar)}
nav input{width:100%;font:inherit;padding:5px 8px;color:var(--ink);background:var(--card);
border:1px solid var(--rule);border-radius:5px}
#view{min-width:0}#igv:not(.card){background:#fff;
border-radius:8px;overflow:hidden}
""".strip()


def frame(title: str, *, igv: str | None) -> str:
    """Write the page; `igv` is the name of igv.js in its folder, None where it is not there."""
    script = f'<script src="{igv}"></script>' if igv is not None else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer"><link rel="icon" href="data:,">'
        f"<title>seqlift: {html_text(title)}</title><style>{STYLE}{FRAME_STYLE}</style></head>"
        f"<body>{letter_shapes()}<main><h1>{html_text(title)}</h1>"
        '<nav><input id="find" type="search" placeholder="name or chrom:start-end"'
        ' aria-label="Find regions"><p id="count"></p><ol id="regions"></ol></nav>'
        '<div id="view"><p id="notice" class="warning" hidden></p><div id="igv"></div></div></main>'
        f'{script}<script src="browse.js"></script></body></html>\n'
    )
