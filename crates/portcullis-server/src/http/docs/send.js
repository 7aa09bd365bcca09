// Requests as they are sent and as a command line has them, and answers in words.

/** How long an answer is waited for, in milliseconds. */
const PATIENCE = 30_000;

/** Sends a request, and answers with what came back, or with a `failure` in words. */
export async function send({ method, url, headers, body }) {
    const started = performance.now();
    try {
        const response = await fetch(url, {
            method,
            headers,
            body,
            cache: "no-store",
            credentials: "same-origin",
            redirect: "error",
            signal: AbortSignal.timeout(PATIENCE),
        });
        const text = await response.text();
        return {
            ok: response.ok,
            status: response.status,
            reason: response.statusText,
            headers: [...response.headers],
            retryAfter: response.headers.get("Retry-After"),
            took: performance.now() - started,
            text,
            json: parsed(text),
        };
    } catch (error) {
        return { ok: false, took: performance.now() - started, failure: failed(error) };
    }
}

function parsed(text) {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

function failed(error) {
    if (error.name === "TimeoutError") {
        return `No answer came within ${PATIENCE / 1000} seconds.`;
    }
    return navigator.onLine === false
        ? "Not sent: this machine is not connected."
        : "No answer: the server cannot be reached, or it ended the connection.";
}

/** What an answer means, in a sentence. */
export function inWords(answer) {
    if (answer.failure !== undefined) {
        return answer.failure;
    }
    const meaning =
        meanings[answer.status] ?? (answer.ok ? "Done" : answer.status >= 500 ? "The server failed" : "Refused");
    const again =
        answer.retryAfter === null ? "" : ` The next try is let in after ${spell(Number(answer.retryAfter))}.`;
    return `${meaning}${answer.ok ? "" : reasons(answer.json)}.${again}`;
}

/** Why a request was refused, as the body of the answer has it, in whatever style; then what is wrong with which field. */
function reasons(body) {
    const { errors, ...texts } = Object(body);
    const text = [texts.msg, texts.detail, texts.title, ...Object.values(texts)].find(text => typeof text === "string");
    const fields = Object.entries(Object(errors)).map(
        ([field, problems]) => `${field} ${[problems].flat().join(", ")}`,
    );
    return [text, ...fields]
        .filter(Boolean)
        .map((part, at) => `${at === 0 ? ": " : "; "}${part}`)
        .join("");
}

const meanings = {
    201: "Made",
    204: "Done; the answer has no body",
    400: "Not understood",
    401: "Not let in",
    403: "Not allowed",
    404: "Not found",
    409: "In conflict with what is there",
    413: "Too large",
    415: "Not JSON",
    422: "Refused as it is",
    429: "Turned away",
    503: "Not available at the moment",
};

/** Seconds in words. */
export function spell(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    const count = (number, unit) => `${number} ${unit}${number === 1 ? "" : "s"}`;
    if (whole < 120) {
        return count(whole, "second");
    }
    return whole < 7200 ? count(Math.round(whole / 60), "minute") : count(Math.round(whole / 3600), "hour");
}

/** The same request for a shell. Tokens are variables there: they belong into no history. */
export function curl({ method, url, headers, variables, body, hasJar }) {
    const quoted = text => `'${text.replaceAll("'", String.raw`'\''`)}'`;
    const isImplied = method === (body === undefined ? "GET" : "POST");
    const parts = [
        `curl -i ${isImplied ? "" : `-X ${method} `}${quoted(url)}`,
        ...(hasJar ? ["-b cookies.txt -c cookies.txt"] : []),
        ...headers.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
        ...variables.map(([name, value]) => `-H "${name}: ${value}"`),
        ...(body === undefined ? [] : [`-d ${quoted(body)}`]),
    ];
    return parts.join(" \\\n    ");
}
