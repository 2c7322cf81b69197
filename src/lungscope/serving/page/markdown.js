// A model card's Markdown as elements: as much of it as cards are written in, and never markup.

import { element } from "./element.js";

const INLINE = /\\([!-/:-@[-`{-~])|`([^`]+)`|\*\*(.+?)\*\*|\*([^*\s][^*]*)\*|<(https?:\/\/[^>\s]+)>|!?\[([^\]]*)\]\(([^)\s]+)\)/g;

/**
 * @param {string} text
 * @returns {HTMLElement[]} headings (one level down), lists, tables and paragraphs
 */
export function fromMarkdown(text) {
  return blocks(text).map(block);
}

/** Lines that belong together; a line that begins nothing continues the one before. */
function blocks(text) {
  const found = [];
  let open = null;
  for (const line of text.split(/\r?\n/)) {
    const kind = kindOf(line);
    if (kind === "blank") open = null;
    else if (kind === "heading") {
      found.push({ kind, lines: [line] });
      open = null;
    } else if (open !== null && (open.kind === kind || kind === "paragraph")) {
      if (kind === "paragraph") open.lines[open.lines.length - 1] += ` ${line.trim()}`;
      else open.lines.push(line);
    } else found.push((open = { kind, lines: [line] }));
  }
  return found;
}

function kindOf(line) {
  if (line.trim() === "") return "blank";
  if (/^#{1,6}\s/.test(line)) return "heading";
  if (/^\s*[-*+]\s/.test(line)) return "list";
  if (/^\s*\d+[.)]\s/.test(line)) return "numbers";
  return /^\s*\|/.test(line) ? "table" : "paragraph";
}

function block({ kind, lines }) {
  if (kind === "heading") {
    const level = Math.min(lines[0].match(/^#+/)[0].length + 2, 6);
    return element(`h${level}`, {}, ...inline(lines[0].replace(/^#+\s+|\s+#+\s*$/g, "")));
  }
  if (kind === "list" || kind === "numbers") {
    const items = lines.map((line) => line.replace(/^\s*([-*+]|\d+[.)])\s+/, ""));
    return element(kind === "list" ? "ul" : "ol", {}, ...items.map((item) => element("li", {}, ...inline(item))));
  }
  if (kind === "table") return table(lines);
  return element("p", {}, ...lines.flatMap((line) => inline(line)));
}

function table(lines) {
  const rows = lines
    .map((line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .filter((cells) => !cells.every((cell) => /^:?-+:?$/.test(cell)));
  const [head, ...body] = rows;
  const row = (name, cells) => element("tr", {}, ...cells.map((cell) => element(name, {}, ...inline(cell))));
  return element("div", { class: "table" }, element("table", {}, element("thead", {}, row("th", head)), element("tbody", {}, ...body.map((cells) => row("td", cells)))));
}

function inline(text) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    const [all, escaped, code, bold, italic, address, label, target] = match;
    found.push(text.slice(at, match.index));
    at = match.index + all.length;
    if (escaped !== undefined) found.push(escaped);
    else if (code !== undefined) found.push(element("code", {}, code));
    else if (bold !== undefined) found.push(element("strong", {}, ...inline(bold)));
    else if (italic !== undefined) found.push(element("em", {}, ...inline(italic)));
    else if (address !== undefined) found.push(link(address, address));
    else found.push(all.startsWith("!") ? label : link(target, label));
  }
  return [...found, text.slice(at)].filter((part) => part !== "");
}

/** Only the web is linked to; any other address is shown as text. */
function link(address, label) {
  if (!/^https?:\/\//i.test(address)) return label;
  return element("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label);
}
