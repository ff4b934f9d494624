"""The style and the script of a page: light or dark as the reader's system is."""

import base64
import hashlib

STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1d2430;--soft:#5b6675;
--rule:#dfe3e9;--bar:#4c74b8;--mark:#b3452f;--shade:#8a94a322;--warn:#fff2d6;--warn-ink:#6b4a00;--code:#eef1f5;
--A:#1b8a3f;--C:#2563a8;--G:#c98a00;--T:#c8372d}
@media (prefers-color-scheme:dark){:root{--page:#12151b;--card:#1a1f28;--ink:#e3e8f0;--soft:#9aa6b6;
--rule:#2d3541;--bar:#6f9be0;--mark:#ff9078;--shade:#aab4c422;--warn:#3b2f12;--warn-ink:#ffdc8a;
--code:#232a35;--A:#4fc878;--C:#74adf0;--G:#f2bd42;--T:#f4766b}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:24px 20px 60px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:19px;margin:34px 0 12px;overflow-wrap:anywhere}
h3{font-size:15px;margin:0 0 8px}p{margin:0 0 10px;color:var(--soft);overflow-wrap:anywhere}
.grid{display:grid;grid-template-columns:1fr 1fr;gap:16px}
.card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:16px;
min-width:0}
.full{grid-column:1/-1}@media (max-width:800px){.grid{grid-template-columns:1fr}}
svg{display:block;width:100%;height:auto}.shapes{position:absolute;width:0}
line.grid{stroke:var(--rule);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}
.bar,.area{fill:var(--bar)}.bar:hover{fill:var(--mark)}
.mark{stroke:var(--mark);stroke-dasharray:3 3}
.shade{fill:var(--shade)}.zoom{fill:var(--bar);opacity:.16}text{fill:var(--soft);font-size:11px;font-family:inherit}
.marked{fill:var(--mark)}.letter-A{fill:var(--A)}.letter-C{fill:var(--C)}.letter-G{fill:var(--G)}
.letter-T{fill:var(--T)}
figure{margin:0 0 22px}figcaption{display:flex;flex-wrap:wrap;
justify-content:space-between;gap:4px 16px;
margin-bottom:2px;overflow-wrap:anywhere}figcaption span{color:var(--soft);font-size:13px}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:13px;margin:4px 0 10px}
th,td{text-align:left;padding:3px 14px 3px 0;border-bottom:1px solid var(--rule);vertical-align:top;
max-width:560px;overflow-wrap:break-word}th{color:var(--soft);font-weight:600;white-space:nowrap}
summary{cursor:pointer;color:var(--soft);margin:4px 0}
.warning{background:var(--warn);color:var(--warn-ink);border-radius:8px;padding:10px 14px}
.code{display:flex;gap:8px;align-items:flex-start;background:var(--code);border-radius:6px;
padding:8px 10px;margin:0 0 8px}
code{flex:1;font:13px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
button{font:12px system-ui,sans-serif;color:var(--ink);background:var(--card);
border:1px solid var(--rule);border-radius:5px;padding:3px 9px;cursor:pointer}
""".strip()

SCRIPT = """
const copy = async ({ target: button }) => {
  const code = button.previousElementSibling, range = document.createRange();
  range.selectNodeContents(code);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  try { await navigator.clipboard.writeText(code.textContent); }
  catch { document.execCommand('copy'); }
  button.textContent = 'copied';
};
for (const one of document.querySelectorAll('.copy')) one.addEventListener('click', copy);
""".strip()


def policy() -> str:
    """Write what a page may do: show itself, and run this script, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    return (
        # A name in a score file that passed for HTML could then still load or run nothing.
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )
