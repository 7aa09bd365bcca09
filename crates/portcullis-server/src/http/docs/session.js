// Who is logged in: the tokens of this page, in memory alone. They are gone when the page is.

/** The addresses by which tokens come and go. */
export const PATHS = {
    login: "/users/login",
    registration: "/users/registration",
    refresh: "/users/refresh",
    logout: "/users/logout",
    me: "/users/me",
};

/** The tokens, and what an operation is sent with. Says `change` when somebody else, or nobody any more, is logged in. */
export class Session extends EventTarget {
    #tokens = null;

    /** Whom the tokens are of, and until when the access token holds; null where nobody is logged in. */
    get current() {
        return (
            this.#tokens && {
                name: this.#tokens.name,
                until: this.#tokens.until,
                inCookies: this.#tokens.access === null,
            }
        );
    }

    /** The access token, to be copied. */
    get access() {
        return this.#tokens?.access ?? null;
    }

    /**
     * What of the tokens a request is sent with, by what its operation `needs`: headers, parameters, and the headers as a
     * command line has them, with a variable of the shell for each token.
     */
    credentials(needs) {
        const [headers, shown, parameters] = [[], [], []];
        if (needs === null) {
            return { headers, shown, parameters };
        }
        const variable = `$${needs.kind.toUpperCase()}_TOKEN`;
        const scheme = this.#tokens?.scheme ?? "Bearer";
        const token = this.#tokens?.[needs.kind] ?? null;
        if (needs.header !== undefined) {
            shown.push([needs.header, `${scheme} ${variable}`.trim()]);
        }
        if (token !== null && needs.header !== undefined) {
            headers.push([needs.header, `${scheme} ${token}`.trim()]);
        } else if (token !== null && needs.parameter !== undefined) {
            parameters.push([needs.parameter, token]);
        }
        // Beside a token in a header too: which of two places counts is the server's to say.
        const csrf = this.#csrf(needs.kind);
        if (csrf !== null && needs.csrfHeader !== undefined) {
            headers.push([needs.csrfHeader, csrf]);
            shown.push([needs.csrfHeader, "$CSRF_TOKEN"]);
        }
        return { headers, shown, parameters };
    }

    /** Takes over what an answer says of tokens. */
    learn({ method, path, query, sent }, answer) {
        const body = answer.json;
        if (answer.ok && typeof body?.expires_in === "number" && typeof body.token_type === "string") {
            this.#take(body, sent?.username);
        } else if (answer.ok && method === "POST" && path === PATHS.logout && query.get("scope") !== "others") {
            this.forget();
        } else if (answer.ok && method === "GET" && path === PATHS.me && this.#tokens !== null) {
            this.#change({ ...this.#tokens, name: body?.username ?? this.#tokens.name });
        }
    }

    /** Forgets the tokens; their session goes on. */
    forget() {
        this.#change(null);
    }

    #take(body, name) {
        const before = name === undefined ? this.#tokens : null;
        const text = value => (typeof value === "string" ? value : null);
        this.#change({
            name: text(name) ?? before?.name ?? null,
            scheme: body.token_type,
            access: text(body.access_token),
            refresh: text(body.refresh_token) ?? before?.refresh ?? null,
            csrf: {
                access: text(body.csrf_access_token) ?? before?.csrf.access ?? null,
                refresh: text(body.csrf_refresh_token) ?? before?.csrf.refresh ?? null,
            },
            until: Date.now() + body.expires_in * 1000,
        });
    }

    #change(tokens) {
        this.#tokens = tokens;
        this.dispatchEvent(new Event("change"));
    }

    // A refresh in another tab has changed the cookie, and not what this page was told.
    #csrf(kind) {
        const named = document.cookie.split("; ").find(pair => pair.split("=")[0].endsWith(`csrf_${kind}_token`));
        return named?.slice(named.indexOf("=") + 1) ?? this.#tokens?.csrf[kind] ?? null;
    }
}
