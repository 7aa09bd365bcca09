// The page about the API: made from the OpenAPI document that the same server serves.

import { article } from "./article.js";
import { el, fill } from "./dom.js";
import { loginBox } from "./login.js";
import { menu } from "./menu.js";
import { anchorOf, byTag } from "./operations.js";
import { prose } from "./prose.js";
import { Schemas } from "./schema.js";
import { send } from "./send.js";
import { Session } from "./session.js";

const DOCUMENT = new URL("openapi.json", location.href).href;

const content = document.getElementById("content");

const answer = await send({ method: "GET", url: DOCUMENT });
if (answer.ok && answer.json !== undefined) {
    show(answer.json);
} else {
    const why = answer.failure ?? `The answer was ${answer.status}.`;
    fill(
        content,
        el("h1", {}, "HTTP API"),
        el("p", { role: "alert" }, "The document of this page could not be read. ", why),
    );
}

function show(api) {
    const groups = byTag(api);
    const operations = groups.flatMap(group => group.operations);
    const page = {
        schemas: new Schemas(api),
        session: new Session(),
        base: base(api),
        hasCookies: operations.some(({ needs }) => needs?.cookie !== undefined && needs.header === undefined),
    };
    const name = api.info?.title ?? "HTTP API";
    document.title = `${name}: HTTP API`;
    fill(document.getElementById("brand"), name);
    const sections = groups.map(group => section(group, page));
    fill(content, introduction(api, name, page), sections);
    loginBox(document.getElementById("session"), operations, page);
    menu(document.getElementById("menu"), groups, sections);
    printWhole();
    // A browser may keep a page that was left, to come back to it.
    addEventListener("pagehide", () => page.session.forget());
    // What the address names was not there yet when the browser looked for it.
    document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

/** Where operations are: what the document names first, if it is at this origin; requests go nowhere else. */
function base(api) {
    const url = api.servers?.[0]?.url ?? ".";
    const named = URL.canParse(url, DOCUMENT) ? new URL(url, DOCUMENT) : null;
    const here = named?.origin === location.origin ? named : new URL(".", DOCUMENT);
    return here.href.replace(/\/$/, "");
}

function introduction(api, name, page) {
    const { info = {} } = api;
    const facts = [
        ["Address", el("code", {}, page.base)],
        ["Document", el("a", { href: "openapi.json" }, `OpenAPI ${api.openapi ?? ""}`)],
        info.license?.name !== undefined && ["Licence", info.license.name],
    ];
    return el(
        "header",
        { class: "introduction" },
        el("h1", {}, name, " ", info.version !== undefined && el("span", { class: "version" }, info.version)),
        info.summary !== undefined && el("p", { class: "lead" }, info.summary),
        el(
            "dl",
            { class: "facts" },
            facts.filter(Boolean).map(([term, fact]) => el("div", {}, el("dt", {}, term), el("dd", {}, fact))),
        ),
        el("div", { class: "prose" }, prose(info.description)),
        ways(api),
    );
}

/** How tokens are sent: the document's security schemes. */
function ways(api) {
    const schemes = Object.entries(api.components?.securitySchemes ?? {});
    return (
        schemes.length > 0 && [
            el("h2", {}, "How tokens are sent"),
            el(
                "ul",
                { class: "members" },
                schemes.map(([name, scheme]) =>
                    el(
                        "li",
                        {},
                        el(
                            "p",
                            { class: "member" },
                            el("span", { class: "name" }, el("code", {}, name)),
                            el("span", { class: "place" }, way(scheme)),
                        ),
                        scheme.description !== undefined &&
                            el("div", { class: "prose small" }, prose(scheme.description)),
                    ),
                ),
            ),
        ]
    );
}

function way({ type, scheme = "", in: place, name }) {
    if (type === "http") {
        const written = scheme.slice(0, 1).toUpperCase() + scheme.slice(1);
        return ["in the header ", el("code", {}, `Authorization: ${written} …`)];
    }
    const words = { header: "in the header ", cookie: "in the cookie ", query: "in the address, as the parameter " };
    return type === "apiKey" ? [words[place] ?? `in the ${place} `, el("code", {}, name)] : type;
}

function section(group, page) {
    const id = anchorOf(group.name);
    return el(
        "section",
        { class: "group", id, "aria-labelledby": `${id}-title` },
        el("h2", { id: `${id}-title` }, group.name),
        group.description !== undefined && el("div", { class: "prose" }, prose(group.description)),
        group.operations.map(operation => article(operation, page)),
    );
}

/** On paper nothing can be opened. */
function printWhole() {
    let opened = [];
    addEventListener("beforeprint", () => {
        opened = [...content.querySelectorAll("details.answer:not([open])")];
        opened.forEach(details => {
            details.open = true;
        });
    });
    addEventListener("afterprint", () =>
        opened.forEach(details => {
            details.open = false;
        }),
    );
}
