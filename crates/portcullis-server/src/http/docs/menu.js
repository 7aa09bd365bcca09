// The way around the page: operations by tag, a filter, and where the reader is.

import { method, pathWithBreaks } from "./article.js";
import { el, fill } from "./dom.js";
import { anchorOf, words } from "./operations.js";

const wide = matchMedia("(min-width: 56rem)");

/** Fills the menu, and hides here and on the page what a filter does not let through. */
export function menu(place, groups, sections) {
    const entries = groups.flatMap(group =>
        group.operations.map(operation => ({ operation, words: words(operation), link: link(operation) })),
    );
    const count = el("p", { class: "count", role: "status" });
    const input = el("input", {
        id: "filter",
        type: "search",
        placeholder: "Filter",
        autocomplete: "off",
        spellcheck: "false",
        "aria-keyshortcuts": "/",
    });
    const lists = groups.map(group =>
        el(
            "section",
            { "aria-label": group.name },
            el("h2", {}, el("a", { href: `#${anchorOf(group.name)}` }, group.name)),
            el(
                "ul",
                {},
                entries.filter(entry => entry.operation.tag === group.name).map(entry => el("li", {}, entry.link)),
            ),
        ),
    );
    const details = el("details", { open: wide.matches }, el("summary", {}, "Operations"), lists);
    wide.addEventListener("change", () => {
        details.open = wide.matches;
    });
    fill(
        place,
        el("label", { class: "hidden", for: "filter" }, "Filter operations by method, path or word"),
        input,
        count,
        details,
    );

    const filter = () => {
        const wanted = input.value
            .toLowerCase()
            .split(/\s+/)
            .filter(word => word !== "");
        let shown = 0;
        for (const { operation, words, link } of entries) {
            const isShown = wanted.every(word => words.includes(word));
            link.parentElement.hidden = !isShown;
            document.getElementById(operation.id).hidden = !isShown;
            shown += isShown ? 1 : 0;
        }
        for (const [parts, inside] of [
            [lists, "li:not([hidden])"],
            [sections, "article:not([hidden])"],
        ]) {
            parts.forEach(part => {
                part.hidden = part.querySelector(inside) === null;
            });
        }
        count.textContent =
            wanted.length === 0
                ? ""
                : shown === 0
                  ? "No operation has all of these words"
                  : `${shown} of ${entries.length}`;
        details.open = wide.matches || wanted.length > 0;
    };
    input.addEventListener("input", filter);
    document.addEventListener("keydown", event => keys(event, input, filter));
    // On a small screen the list lies above what it leads to.
    details.addEventListener("click", event => {
        if (event.target.closest("a") !== null && !wide.matches) {
            details.open = false;
        }
    });
    follow(entries);
}

function link(operation) {
    return el(
        "a",
        { href: `#${operation.id}`, title: operation.summary },
        method(operation.method),
        el("span", { class: "path" }, pathWithBreaks(operation.path)),
    );
}

/** `/` goes to the filter, Escape empties it. */
function keys(event, input, filter) {
    const isTyping = event.target.closest?.("input, textarea, select") !== null;
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        input.focus();
    } else if (event.key === "Escape" && event.target === input) {
        input.value = "";
        filter();
    }
}

/** Marks the operation that is read. */
function follow(entries) {
    const links = new Map(entries.map(({ operation, link }) => [operation.id, link]));
    const seen = new Set();
    const observer = new IntersectionObserver(
        changes => {
            for (const { target, isIntersecting } of changes) {
                isIntersecting ? seen.add(target.id) : seen.delete(target.id);
            }
            const here = entries.find(({ operation }) => seen.has(operation.id))?.operation.id;
            for (const [id, link] of links) {
                id === here ? link.setAttribute("aria-current", "location") : link.removeAttribute("aria-current");
            }
        },
        { rootMargin: "-15% 0px -65% 0px" },
    );
    for (const id of links.keys()) {
        observer.observe(document.getElementById(id));
    }
}
