// The part of an operation that is tried: a form, the request that it makes, and the answer.

import { block, el, fill, json } from "./dom.js";
import { curl, inWords, send } from "./send.js";

/** From this width on there is a column for the forms: they stand open. */
const wide = matchMedia("(min-width: 75rem)");

/** The form of an operation. */
export function tryIt(operation, page) {
    const form = new Form(operation, page);
    const details = el("details", { class: "try", open: wide.matches }, el("summary", {}, "Try it"), form.element);
    wide.addEventListener("change", () => {
        details.open = wide.matches;
    });
    return details;
}

class Form {
    #operation;
    #page;
    #fields;
    #body = null;
    #withToken = null;
    #tokenNote = el("span");
    #bodyNote = el("p", { class: "note", role: "status" });
    #curl = el("code", { class: "curl" });
    #button = el("button", { type: "submit", class: "send" }, "Send");
    #said = el("p", { class: "said", role: "status" });
    #answer = el("div", { class: "received" });

    constructor(operation, page) {
        this.#operation = operation;
        this.#page = page;
        const asked = operation.parameters.filter(parameter => ["path", "query", "header"].includes(parameter.in));
        this.#fields = asked.map(parameter => ({ parameter, input: this.#input(parameter) }));
        this.element = el(
            "form",
            { autocomplete: "off", submit: event => this.#submit(event), input: () => this.#changed() },
            this.#fields.map(({ parameter, input }) =>
                labelled(parameter.name, input, parameter.in, parameter.required === true),
            ),
            this.#bodyField(),
            this.#tokenField(),
            el("div", { class: "act" }, this.#button),
            this.#said,
            this.#answer,
            el("p", { class: "heading" }, "As a command"),
            block("the command", this.#curl),
        );
        page.session.addEventListener("change", () => this.#changed());
        this.#changed();
    }

    #input(parameter) {
        const id = `${this.#operation.id}-${parameter.in}-${parameter.name}`;
        const required = parameter.required === true;
        const values = this.#page.schemas.values(parameter.schema ?? {});
        if (values === null) {
            const example = parameter.example ?? parameter.schema?.example ?? parameter.schema?.examples?.[0];
            return el("input", { id, required, type: "text", spellcheck: "false", placeholder: example });
        }
        const options = values.map(value => el("option", { value: String(value) }, String(value)));
        return el("select", { id, required }, !required && el("option", { value: "" }, "not sent"), options);
    }

    #bodyField() {
        const { body, id } = this.#operation;
        if (!body) {
            return null;
        }
        const text = JSON.stringify(this.#page.schemas.exampleOf(body.media ?? {}) ?? {}, null, 2);
        const rows = Math.min(14, text.split("\n").length + 1);
        this.#body = el("textarea", { id: `${id}-body`, rows, spellcheck: "false", autocapitalize: "off" });
        this.#body.value = text;
        return [labelled("Body", this.#body, body.media?.type ?? "", false), this.#bodyNote];
    }

    #tokenField() {
        if (this.#operation.needs === null) {
            return null;
        }
        const id = `${this.#operation.id}-token`;
        this.#withToken = el("input", { id, type: "checkbox" });
        this.#withToken.checked = true;
        return el(
            "p",
            { class: "check" },
            this.#withToken,
            el("label", { for: id }, `With the ${this.#operation.needs.kind} token`),
            this.#tokenNote,
        );
    }

    /** The request as the fields are now; with what is sent, and with what is shown of it. */
    #request() {
        const { method, path, needs } = this.#operation;
        const query = new URLSearchParams();
        const plain = [];
        let filled = path;
        for (const { parameter, input } of this.#fields) {
            const value = input.value;
            if (parameter.in === "path") {
                filled = filled.replaceAll(
                    `{${parameter.name}}`,
                    value === "" ? `{${parameter.name}}` : encodeURIComponent(value),
                );
            } else if (value !== "") {
                parameter.in === "query" ? query.append(parameter.name, value) : plain.push([parameter.name, value]);
            }
        }
        const credentials = this.#page.session.credentials(this.#withToken?.checked === true ? needs : null);
        const address = this.#page.base + filled;
        const url = addressOf(address, [...query, ...credentials.parameters]);
        const body = this.#body?.value.trim() || undefined;
        if (body !== undefined) {
            plain.push(["Content-Type", this.#operation.body.media?.type ?? "application/json"]);
        }
        const headers = [...plain, ...credentials.headers];
        const command = {
            method,
            url: addressOf(address, [...query]),
            headers: plain,
            variables: credentials.shown,
            body: body?.replace(/\s*\n\s*/g, " "),
            hasJar: this.#page.hasCookies,
        };
        return { method, path, query, url, body, headers, command };
    }

    #changed() {
        const request = this.#request();
        this.#curl.textContent = curl(request.command);
        this.#bodyNote.textContent =
            request.body === undefined || isJson(request.body) ? "" : "This is not JSON; it is sent as it is.";
        const { current } = this.#page.session;
        this.#tokenNote.textContent =
            current === null ? "Nobody is logged in" : current.name === null ? "" : `of ${current.name}`;
    }

    async #submit(event) {
        event.preventDefault();
        const request = this.#request();
        this.#button.disabled = true;
        this.#said.textContent = "Sent, waiting for the answer…";
        const answer = await send(request);
        this.#button.disabled = false;
        this.#show(answer);
        const sent = request.body !== undefined && isJson(request.body) ? JSON.parse(request.body) : undefined;
        this.#page.session.learn({ ...request, sent }, answer);
    }

    #show(answer) {
        const took = `${Math.max(1, Math.round(answer.took))} ms`;
        const isBad = !answer.ok;
        this.#said.className = isBad ? "said bad" : "said good";
        fill(
            this.#said,
            answer.status !== undefined &&
                el("span", { class: `status s${String(answer.status)[0]}` }, answer.status, " ", answer.reason),
            " ",
            inWords(answer),
            " ",
            el("span", { class: "took" }, took),
        );
        if (answer.failure !== undefined) {
            fill(this.#answer);
            return;
        }
        const lines = answer.headers.map(([name, value]) => `${name}: ${value}`).join("\n");
        const shown = answer.json === undefined ? el("code", {}, answer.text) : json(answer.json);
        fill(
            this.#answer,
            answer.text !== "" && block("the body of the answer", shown),
            el(
                "details",
                { class: "headers" },
                el("summary", {}, `${answer.headers.length} headers`),
                block("the headers of the answer", el("code", {}, lines)),
            ),
        );
    }
}

function labelled(label, input, aside, isRequired) {
    return el(
        "p",
        { class: "field" },
        el("label", { for: input.id }, label, " ", el("span", { class: "aside" }, aside, isRequired && ", required")),
        input,
    );
}

function addressOf(address, parameters) {
    return parameters.length === 0 ? address : `${address}?${new URLSearchParams(parameters)}`;
}

function isJson(text) {
    try {
        JSON.parse(text);
        return true;
    } catch {
        return false;
    }
}
