"""Makes a site of these pages, as a hook of mkdocs.

Pages link to files of the checkout. Those that are pages or pictures become part of the site, at
the same path; other files are named without a link.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from markdown.extensions.toc import slugify
from mkdocs.structure.files import File, Files

TOP = Path(__file__).resolve().parent.parent
ALONG = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "benchmarks/README.md",
    "benchmarks/RESULTS.md",
    "benchmarks/speed.png",
    "examples/README.md",
    "examples/demo.png",
    "examples/paper.png",
)
"""Files outside of docs/ that the site has; the README is its first page."""

LINK = re.compile(r"(\[(?:[^\[\]]|\[[^\]]*\])*\])\(([^)\s#]+)(#[^)]*)?\)")


def place(path: str) -> str:
    """Name the file of the site that a file of the checkout becomes; nothing where it is none."""
    if path == "README.md":
        return "index.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/") if (TOP / path).is_file() else ""
    return path.replace("README.md", "about.md") if path in ALONG else ""


def name_of_heading(heading: str, separator: str) -> str:
    """Name a heading so that the page's script finds it: a selector begins with no digit."""
    name = slugify(heading, separator)
    return f"section{separator}{name}" if name[:1].isdigit() else name


def on_config(config: Any) -> Any:
    config.mdx_configs.setdefault("toc", {})["slugify"] = name_of_heading
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """Add the files from outside of docs/."""
    for path in ALONG:
        files.append(File.generated(config, place(path), content=(TOP / path).read_bytes()))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Turn links between files of the checkout into links between files of the site."""
    here = next((p for p in ALONG if place(p) == page.file.src_uri), f"docs/{page.file.src_uri}")

    def replaced(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        if re.match(r"[a-z]+:", target):
            return found[0]
        path = (TOP / here).parent.joinpath(unquote(target)).resolve().relative_to(TOP).as_posix()
        to = place(path) or place(f"{path}/index.md")
        if not to:
            return text[1:-1]
        up = "../" * page.file.src_uri.count("/")
        return f"{text}({up}{quote(to)}{anchor})"

    return LINK.sub(replaced, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Let a table that is wider than the page be moved sideways."""
    html = html.replace("<table", '<div class="table-responsive"><table')
    return html.replace("</table>", "</table></div>")


def with_style_sheets(output: str, **_: Any) -> str:
    """Add the style sheets that the theme's switch between light and dark turns on and off.

    It stops at an error without them, and the theme has them only where code is coloured.
    """
    sheets = '<style id="hljs-light"></style><style id="hljs-dark"></style>'
    return output.replace("</head>", f"{sheets}</head>")


on_post_page = on_post_template = with_style_sheets
