// The list of regions, and what a click shows: a place in igv.js, or a row as letters.
// Names are put into the page as text only.
"use strict";

const MOST = 300; // regions in the list at once
const LETTERS = 300; // bases in sight of a longer region, on a screen that is wide enough
const NARROW = 3; // pixels of a base in which its letter can still be read
const MARGIN = 30; // bases in sight before a region, where igv.js lays names over letters
const part = (id) => document.getElementById(id);

const place = ({ chrom, start, end }) => `${chrom}:${start}-${end}`;

const locus = ({ chrom, start, end }) => {
  const most = Math.min(LETTERS, Math.floor(part("igv").clientWidth / NARROW));
  const spare = Math.floor(Math.max(0, end - start - most) / 2);
  return `${chrom}:${Math.max(0, start + spare - MARGIN) + 1}-${end - spare}`;
};

const notice = (text) => {
  part("notice").textContent = text;
  part("notice").hidden = !text;
};

const element = (kind, text) => Object.assign(document.createElement(kind), { textContent: text });

const button = (region, show) => {
  const found = element("button", region.name === "." ? place(region) : region.name);
  const more = region.prediction === undefined ? "" : `, prediction ${region.prediction}`;
  found.append(element("span", place(region) + more));
  found.addEventListener("click", () => {
    document.querySelectorAll("nav [aria-current]").forEach((one) => one.removeAttribute("aria-current"));
    found.setAttribute("aria-current", "true");
    show(region).catch((error) => notice(`This region cannot be shown: ${error.message ?? error}`));
  });
  const item = document.createElement("li");
  item.append(found);
  return item;
};

const list = ({ regions, order }, show) => {
  const word = part("find").value.trim().toLowerCase();
  const found = regions.filter((one) => `${one.name} ${place(one)}`.toLowerCase().includes(word));
  part("regions").replaceChildren(...found.slice(0, MOST).map((one) => button(one, show)));
  const shown = Math.min(found.length, MOST);
  const words = [`${shown} of ${regions.length} regions`, order, "places count from 0, as in BED"];
  part("count").textContent = words.filter(Boolean).join("; ");
};

const openLetters = async (session) => {
  notice(session.missing);
  part("igv").className = "card";
  return async (region) => {
    const answer = await fetch(region.figure);
    if (!answer.ok) throw new Error(`${region.figure} is not there`);
    part("igv").innerHTML = await answer.text(); // figures are made by seqlift, names in them escaped
  };
};

const openIgv = async (session) => {
  const first = session.regions.length ? { locus: locus(session.regions[0]) } : {};
  const browser = await igv.createBrowser(part("igv"), { ...session.igv, ...first });
  return (region) => browser.search(locus(region));
};

const open = async () => {
  const session = await (await fetch("session.json")).json();
  const show = await (session.missing ? openLetters : openIgv)(session);
  part("find").addEventListener("input", () => list(session, show));
  list(session, show);
  if (session.missing) part("regions").querySelector("button")?.click();
  else part("regions").querySelector("button")?.setAttribute("aria-current", "true");
  document.body.dataset.ready = "yes";
};

const FROM_DISK =
  "Web browsers read no tracks from a disk. Copy this folder to a web server and open its address;" +
  " `seqlift report` writes one page that opens from a disk.";

open().catch((error) =>
  notice(location.protocol === "file:" ? FROM_DISK : `The page cannot be shown: ${error.message ?? error}`),
);
