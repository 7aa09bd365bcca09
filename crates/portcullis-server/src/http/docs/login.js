// The box at the top: who is logged in and for how long, or the form to log in with.

import { copyButton, el, fill } from "./dom.js";
import { inWords, send } from "./send.js";
import { PATHS } from "./session.js";

/** Fills the box; empty where the document has no login. */
export function loginBox(place, operations, page) {
    const known = new Map(
        operations.filter(operation => operation.method === "POST").map(operation => [operation.path, operation]),
    );
    if (known.has(PATHS.login)) {
        new Box(place, page, known);
    }
}

class Box {
    #place;
    #page;
    #known;
    #until = el("span", { class: "until" });
    #said = el("p", { class: "said", role: "status" });
    #content = el("div", { class: "box" });
    #wasLoggedIn = false;

    constructor(place, page, known) {
        this.#place = place;
        this.#page = page;
        this.#known = known;
        fill(place, this.#content, this.#said);
        page.session.addEventListener("change", () => this.#changed());
        setInterval(() => this.#tick(), 1000);
        this.#draw();
    }

    #changed() {
        const isLoggedIn = this.#page.session.current !== null;
        if (isLoggedIn !== this.#wasLoggedIn) {
            this.#say(isLoggedIn ? "" : "Logged out: the tokens are forgotten.");
        }
        // The button or field that had the focus is gone: what has taken its place gets it.
        const hadFocus = this.#place.contains(document.activeElement);
        this.#wasLoggedIn = isLoggedIn;
        this.#draw();
        if (hadFocus) {
            this.#content.querySelector("button, input")?.focus();
        }
    }

    #draw() {
        fill(this.#content, this.#page.session.current === null ? this.#form() : this.#status());
        this.#tick();
    }

    #form() {
        const username = el("input", {
            id: "login-username",
            autocomplete: "username",
            autocapitalize: "off",
            spellcheck: "false",
            required: true,
        });
        const password = el("input", {
            id: "login-password",
            type: "password",
            autocomplete: "current-password",
            required: true,
        });
        const ask = path => this.#ask(path, { username: username.value, password: password.value });
        const register = async event => {
            if (event.currentTarget.form.reportValidity()) {
                await ask(PATHS.registration);
            }
        };
        const submit = event => {
            event.preventDefault();
            return ask(PATHS.login);
        };
        return el(
            "form",
            { class: "login", submit },
            el("label", { for: "login-username" }, "User name"),
            username,
            el("label", { for: "login-password" }, "Password"),
            password,
            el(
                "div",
                { class: "acts" },
                el("button", { type: "submit" }, "Log in"),
                this.#known.has(PATHS.registration) &&
                    el("button", { type: "button", class: "quiet", click: register }, "Register"),
            ),
        );
    }

    #status() {
        const { session } = this.#page;
        const { name, inCookies } = session.current;
        return el(
            "div",
            { class: "known" },
            el("p", {}, "Logged in as ", el("strong", {}, name ?? "somebody"), inCookies && " by cookie", this.#until),
            el(
                "div",
                { class: "acts" },
                session.access !== null && copyButton("Copy token", "for access", () => session.access ?? ""),
                this.#known.has(PATHS.refresh) &&
                    el("button", { type: "button", class: "quiet", click: () => this.#ask(PATHS.refresh) }, "Refresh"),
                el("button", { type: "button", click: () => this.#ask(PATHS.logout) }, "Log out"),
            ),
        );
    }

    async #ask(path, fields) {
        const { session, base } = this.#page;
        this.#say("Sent, waiting for the answer…");
        const { headers, parameters } = session.credentials(this.#known.get(path)?.needs ?? null);
        const query = new URLSearchParams(parameters);
        const url = query.size > 0 ? `${base}${path}?${query}` : base + path;
        const body = fields && JSON.stringify(fields);
        const all = body === undefined ? headers : [...headers, ["Content-Type", "application/json"]];
        const answer = await send({ method: "POST", url, headers: all, body });
        this.#say(answer.ok ? "" : inWords(answer), !answer.ok);
        session.learn({ method: "POST", path, query, sent: fields }, answer);
    }

    #say(text, isBad = false) {
        this.#said.className = isBad ? "said bad" : "said";
        this.#said.textContent = text;
    }

    // Outside of what is read aloud: nobody wants to hear a clock every second.
    #tick() {
        const { current } = this.#page.session;
        if (current === null) {
            return;
        }
        const left = Math.ceil((current.until - Date.now()) / 1000);
        const pad = number => String(number).padStart(2, "0");
        const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
        const clock = hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds)}` : `${minutes}:${pad(seconds)}`;
        this.#until.textContent = left > 0 ? `, expires in ${clock}` : ", the access token has expired";
        this.#until.classList.toggle("over", left <= 0);
    }
}
