// Elements, made from names and texts. A text is a text everywhere: nothing of the document is ever read as HTML.

/** An element. A key of `attributes` that is false, null or undefined is left out; a function listens to the event. */
export function el(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
        if (typeof value === "function") {
            element.addEventListener(key, value);
        } else if (value !== false && value !== null && value !== undefined) {
            element.setAttribute(key, value === true ? "" : String(value));
        }
    }
    element.append(...present(children));
    return element;
}

/** Puts children in the place of those that an element has. */
export function fill(element, ...children) {
    element.replaceChildren(...present(children));
}

function present(children) {
    return children
        .flat(Infinity)
        .filter(child => child !== null && child !== undefined && child !== false && child !== "");
}

/** A button that copies what `text` returns at that moment, and says so. Its name is `label`, then `what`. */
export function copyButton(label, what, text) {
    const button = el("button", { type: "button", class: "copy" });
    const say = shown => {
        button.textContent = shown;
        button.setAttribute("aria-label", `${shown} ${what}`.trim());
    };
    say(label);
    button.addEventListener("click", async () => {
        say((await copy(text())) ? "Copied" : "Not copied");
        setTimeout(() => say(label), 1600);
    });
    return button;
}

// There is no clipboard over plain http from another machine.
async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        return false;
    }
}

/** JSON, pretty printed, its parts told apart. */
export function json(value) {
    const text = JSON.stringify(value, null, 2) ?? "";
    const part = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*|\btrue\b|\bfalse\b|\bnull\b/g;
    const parts = [];
    let end = 0;
    for (const found of text.matchAll(part)) {
        const [whole, string, colon] = found;
        const kind = string === undefined ? "literal" : colon === undefined ? "string" : "name";
        parts.push(text.slice(end, found.index), el("span", { class: kind }, string ?? whole));
        end = found.index + (string ?? whole).length;
    }
    parts.push(text.slice(end));
    return el("code", {}, parts);
}

/** A block of code that can be copied. */
export function block(what, code) {
    return el(
        "div",
        { class: "block" },
        el("pre", {}, code),
        copyButton("Copy", what, () => code.textContent),
    );
}
