// The part of an operation that is read: what it does, what it takes, what it answers.

import { block, copyButton, el } from "./dom.js";
import { prose } from "./prose.js";
import { shownExample } from "./schema.js";
import { mediaOf } from "./operations.js";
import { tryIt } from "./try.js";

/** The article of an operation. `page` has what all of them share: `schemas`, `session`, `base`. */
export function article(operation, page) {
    const title = `${operation.id}-title`;
    const address = new URL(`#${operation.id}`, location.href).href;
    return el(
        "article",
        { class: "operation", id: operation.id, "aria-labelledby": title },
        el(
            "header",
            {},
            el(
                "h3",
                { id: title },
                el("a", { href: `#${operation.id}` }, operation.summary),
                operation.isDeprecated && el("span", { class: "deprecated" }, "deprecated"),
            ),
            el(
                "div",
                { class: "line" },
                method(operation.method),
                el("code", { class: "path" }, pathWithBreaks(operation.path)),
                operation.who.map(who => el("span", { class: operation.needs === null ? "who open" : "who" }, who)),
                copyButton("Copy link", `to ${operation.method} ${operation.path}`, () => address),
            ),
        ),
        el(
            "div",
            { class: "columns" },
            el(
                "div",
                { class: "says" },
                operation.description !== undefined && el("div", { class: "prose" }, prose(operation.description)),
                parameters(operation, page),
                body(operation, page),
                answers(operation, page),
            ),
            el("div", { class: "tries" }, tryIt(operation, page)),
        ),
    );
}

/** A method, in its colour. */
export function method(name) {
    return el("span", { class: `method ${name.toLowerCase()}` }, name);
}

// A long address may break behind a slash, and nowhere else.
export function pathWithBreaks(path) {
    return path.split(/(?<=\/)/).map((part, at) => (at === 0 ? part : [el("wbr"), part]));
}

function parameters(operation, { schemas }) {
    if (operation.parameters.length === 0) {
        return null;
    }
    return [
        el("h4", {}, "Parameters"),
        el(
            "ul",
            { class: "members" },
            operation.parameters.map(parameter =>
                el(
                    "li",
                    {},
                    el(
                        "p",
                        { class: "member" },
                        el("span", { class: "name" }, el("code", {}, parameter.name)),
                        " ",
                        el("span", { class: "place" }, `in the ${parameter.in}`),
                        schemas.line(parameter.schema ?? {}),
                        parameter.required === true && el("span", { class: "required" }, "required"),
                        parameter.deprecated === true && el("span", { class: "limit" }, "deprecated"),
                    ),
                    parameter.description !== undefined &&
                        el("div", { class: "prose small" }, prose(parameter.description)),
                ),
            ),
        ),
    ];
}

function body(operation, { schemas }) {
    const { body } = operation;
    if (!body) {
        return null;
    }
    const media = body.media ?? {};
    return [
        el(
            "h4",
            {},
            "Request body ",
            el("span", { class: "aside" }, `${media.type ?? ""}${body.required === true ? "" : ", optional"}`),
        ),
        body.description !== undefined && el("div", { class: "prose" }, prose(body.description)),
        content(media, schemas, "request", "request"),
    ];
}

function content(media, schemas, place, of) {
    const example = schemas.exampleOf(media);
    return [
        media.schema !== undefined && schemas.describe(media.schema, place),
        example !== undefined && block(`the example of the ${of}`, shownExample(example)),
    ];
}

/** The body of a refusal, which looks alike everywhere: an example says it. */
function refusal(media, schemas, status) {
    const [schema, example] = content(media, schemas, "answer", `answer ${status}`);
    return [example, schema && el("details", {}, el("summary", { class: "aside" }, "Members"), schema)];
}

function answers(operation, { schemas }) {
    const { answers } = operation;
    const good = answers.find(answer => answer.status.startsWith("2"));
    const everywhere = Object.entries(good?.headers ?? {}).filter(([name]) =>
        answers.every(answer => Object.hasOwn(answer.headers ?? {}, name)),
    );
    const common = new Set(everywhere.map(([name]) => name));
    return [
        el("h4", {}, "Answers"),
        el(
            "div",
            { class: "answers" },
            answers.map(answer => oneAnswer(answer, answer === good, common, schemas)),
            everywhere.length > 0 &&
                el(
                    "details",
                    { class: "answer" },
                    el("summary", {}, el("span", { class: "aside" }, "Headers of every answer")),
                    headerList(everywhere, schemas),
                ),
        ),
    ];
}

/** An answer: its status and what that means; the rest, if there is any, can be opened. */
function oneAnswer(answer, isOpen, common, schemas) {
    const headers = Object.entries(answer.headers ?? {}).filter(([name]) => !common.has(name));
    const media = mediaOf(answer);
    const [meaning, ...more] = prose(answer.description);
    const said = [
        el("span", { class: `status s${answer.status[0]}` }, answer.status),
        el("span", { class: "prose small" }, meaning),
    ];
    if (media === null && headers.length === 0 && more.length === 0) {
        return el("div", { class: "answer bare" }, said);
    }
    return el(
        "details",
        { class: "answer", open: isOpen },
        el("summary", {}, said),
        el(
            "div",
            { class: "inside" },
            more.length > 0 && el("div", { class: "prose small" }, more),
            media !== null &&
                (/^[45]/.test(answer.status)
                    ? refusal(media, schemas, answer.status)
                    : content(media, schemas, "answer", `answer ${answer.status}`)),
            headers.length > 0 && [el("p", { class: "heading" }, "Headers"), headerList(headers, schemas)],
        ),
    );
}

function headerList(headers, schemas) {
    return el(
        "ul",
        { class: "members" },
        headers.map(([name, header]) => headerItem(name, header, schemas)),
    );
}

function headerItem(name, header, schemas) {
    const said = schemas.resolve(header);
    return el(
        "li",
        {},
        el(
            "p",
            { class: "member" },
            el("span", { class: "name" }, el("code", {}, name)),
            " ",
            schemas.line(said.schema ?? {}),
        ),
        said.description !== undefined && el("div", { class: "prose small" }, prose(said.description)),
    );
}
