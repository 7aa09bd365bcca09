// Descriptions: the part of CommonMark that they are written in (paragraphs, lists, tables, code, emphasis, links). What is
// not known stays as it was typed.

import { el } from "./dom.js";

/** The elements of a description. */
export function prose(text) {
    const lines = String(text ?? "")
        .replace(/\r\n?/g, "\n")
        .split("\n");
    const blocks = [];
    let at = 0;
    while (at < lines.length) {
        const [make, from] = kinds.find(([, , is]) => is(lines, at)) ?? [paragraph, paragraphEnd];
        const end = Math.max(from(lines, at), at + 1);
        const made = make(lines.slice(at, end));
        if (made !== null) {
            blocks.push(made);
        }
        at = end;
    }
    return blocks;
}

const isBlank = line => line.trim() === "";
const isFence = line => /^\s{0,3}```/.test(line);
const isHeading = line => /^#{1,6}\s/.test(line);
const isItem = line => /^\s{0,3}([-*+]|\d+[.)])\s+/.test(line);
const isRow = line => /^\s*\|.*\|\s*$/.test(line);
const isRule = line => /^\s*\|[\s:|-]+\|\s*$/.test(line);

/** What makes a kind of block, where it ends, and whether it begins at a line. */
const kinds = [
    [() => null, (lines, at) => at + 1, (lines, at) => isBlank(lines[at])],
    [fence, fenceEnd, (lines, at) => isFence(lines[at])],
    [heading, (lines, at) => at + 1, (lines, at) => isHeading(lines[at])],
    [table, tableEnd, (lines, at) => isRow(lines[at]) && at + 1 < lines.length && isRule(lines[at + 1])],
    [list, listEnd, (lines, at) => isItem(lines[at])],
];

const until = (lines, at, stops) => {
    let end = at + 1;
    while (end < lines.length && !stops(lines[end])) {
        end += 1;
    }
    return end;
};

function fenceEnd(lines, at) {
    return Math.min(until(lines, at, isFence) + 1, lines.length);
}

function fence(lines) {
    const code = lines
        .slice(1)
        .filter(line => !isFence(line))
        .join("\n");
    return el("pre", {}, el("code", {}, code));
}

function heading([line]) {
    return el("p", { class: "heading" }, inline(line.replace(/^#+\s*/, "").replace(/\s*#+\s*$/, "")));
}

function tableEnd(lines, at) {
    return until(lines, at, line => !isRow(line));
}

function table(lines) {
    const cells = line =>
        line
            .trim()
            .slice(1, -1)
            .split(/(?<!\\)\|/)
            .map(cell => inline(cell.trim().replaceAll("\\|", "|")));
    const row = (name, line) =>
        el(
            "tr",
            {},
            cells(line).map(cell => el(name, {}, cell)),
        );
    const [head, , ...rows] = lines;
    const body = el(
        "tbody",
        {},
        rows.map(line => row("td", line)),
    );
    return el("div", { class: "wide", tabindex: 0 }, el("table", {}, el("thead", {}, row("th", head)), body));
}

function listEnd(lines, at) {
    return until(lines, at, line => isBlank(line) || isFence(line));
}

function list(lines) {
    const items = [];
    for (const line of lines) {
        if (isItem(line)) {
            items.push(line.replace(/^\s*([-*+]|\d+[.)])\s+/, ""));
        } else {
            items[items.length - 1] += ` ${line.trim()}`;
        }
    }
    const name = /^\s*\d/.test(lines[0]) ? "ol" : "ul";
    return el(
        name,
        {},
        items.map(item => el("li", {}, inline(item))),
    );
}

function paragraphEnd(lines, at) {
    return until(lines, at, line => isBlank(line) || isFence(line) || isHeading(line) || isItem(line) || isRow(line));
}

function paragraph(lines) {
    return el("p", {}, inline(lines.map(line => line.trim()).join(" ")));
}

/** Texts and elements of a line: code, strong, emphasis, links. */
export function inline(text) {
    const mark = /(`+)(.+?)\1|\*\*(.+?)\*\*|\*([^*\s](?:[^*]*[^*\s])?)\*|\[([^\]]+)\]\(([^)\s]+)\)|<(https?:[^>\s]+)>/;
    const found = mark.exec(text);
    if (found === null) {
        return [text];
    }
    const [whole, , code, strong, emphasis, label, target, address] = found;
    const made =
        code !== undefined
            ? el("code", {}, code.trim())
            : strong !== undefined
              ? el("strong", {}, inline(strong))
              : emphasis !== undefined
                ? el("em", {}, inline(emphasis))
                : label !== undefined
                  ? link(inline(label), target)
                  : link([address], address);
    return [text.slice(0, found.index), made, ...inline(text.slice(found.index + whole.length))];
}

/** A link to a page or to a place on this one; whatever else an address may be, it is shown and leads nowhere. */
function link(label, target) {
    const isWeb = /^https?:\/\//i.test(target) && URL.canParse(target);
    if (!isWeb && !target.startsWith("#")) {
        return el("span", {}, label);
    }
    return el("a", { href: target, rel: isWeb && "noopener noreferrer" }, label);
}
