// The operations of a document: each with what is said of it in several places brought together.

import { resolver } from "./schema.js";

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];

/** Where operations stand that have no tag. */
const UNTAGGED = "other";

/** The document's operations, by tag, in the document's order: `[{ name, description, operations }]`. */
export function byTag(document) {
    const resolve = resolver(document);
    const groups = new Map((document.tags ?? []).map(tag => [tag.name, { ...tag, operations: [] }]));
    for (const [path, item] of Object.entries(document.paths ?? {})) {
        const inner = resolve(item);
        for (const method of METHODS.filter(method => Object.hasOwn(inner, method))) {
            const operation = operationOf(document, resolve, method, path, inner);
            if (!groups.has(operation.tag)) {
                groups.set(operation.tag, { name: operation.tag, operations: [] });
            }
            groups.get(operation.tag).operations.push(operation);
        }
    }
    return [...groups.values()].filter(group => group.operations.length > 0);
}

function operationOf(document, resolve, method, path, item) {
    const said = item[method];
    const parameters = new Map();
    for (const parameter of [...(item.parameters ?? []), ...(said.parameters ?? [])].map(parameter =>
        resolve(parameter),
    )) {
        parameters.set(`${parameter.in} ${parameter.name}`, parameter);
    }
    const needs = needsOf(
        said.security ?? document.security ?? [],
        document.components?.securitySchemes ?? {},
        resolve,
    );
    const body = said.requestBody && resolve(said.requestBody);
    return {
        id: `${method}${path.replace(/[^A-Za-z0-9]+/g, "-")}`.replace(/-$/, ""),
        tag: said.tags?.[0] ?? UNTAGGED,
        method: method.toUpperCase(),
        path,
        summary: said.summary ?? `${method.toUpperCase()} ${path}`,
        description: said.description ?? item.description,
        isDeprecated: said.deprecated === true,
        parameters: [...parameters.values()],
        body: body && { ...body, media: bodyMedia(body.content) },
        answers: Object.entries(said.responses ?? {}).map(([status, answer]) => ({ status, ...resolve(answer) })),
        needs,
        who: whoMay(needs),
    };
}

/** The schema and examples of a body: as JSON where it has that. */
function bodyMedia(content = {}) {
    const json = Object.keys(content).find(type => /[/+]json\b/.test(type));
    const type = json ?? Object.keys(content)[0];
    return type === undefined ? null : { type, ...content[type] };
}

/**
 * What an operation is sent with, from all of its alternatives; null for nothing. Which token a scheme means, its name says:
 * `accessToken`, `freshAccessToken`, `refreshToken`; `…Csrf` is what stands beside a cookie.
 */
function needsOf(security, schemes, resolve) {
    const named = security.flatMap(alternative => Object.entries(alternative));
    const all = named.map(([id, roles]) => ({ id, roles: roles ?? [], scheme: resolve(schemes[id]) }));
    const [csrf, tokens] = [all.filter(isCsrf), all.filter(each => !isCsrf(each))];
    if (tokens.length === 0) {
        return null;
    }
    const kinds = new Set(tokens.map(({ id }) => (/refresh/i.test(id) ? "refresh" : "access")));
    const kind = kinds.has("access") ? "access" : "refresh";
    const key = (of, place) => of.find(({ scheme }) => scheme.type === "apiKey" && scheme.in === place)?.scheme.name;
    const isBearer = tokens.some(({ scheme }) => scheme.type === "http");
    return {
        kind,
        isEither: kinds.size > 1,
        isFresh: tokens.some(({ id }) => /(?<!re)fresh/i.test(id)),
        roles: [...new Set(tokens.flatMap(({ roles }) => roles))],
        header: isBearer ? "Authorization" : key(tokens, "header"),
        parameter: key(tokens, "query"),
        cookie: key(tokens, "cookie"),
        csrfHeader: key(
            csrf.filter(({ id }) => kind === "refresh" || !/refresh/i.test(id)),
            "header",
        ),
    };
}

const isCsrf = ({ id }) => /csrf/i.test(id);

/** Who may, in words: `admin`, then which token. */
function whoMay(needs) {
    if (needs === null) {
        return ["anyone"];
    }
    const token = needs.isEither ? "access or refresh token" : `${needs.isFresh ? "fresh " : ""}${needs.kind} token`;
    return [...needs.roles, token];
}

/** The anchor of a tag. */
export const anchorOf = tag => `tag-${tag.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;

/** What a filter looks at. */
export function words(operation) {
    return [
        operation.method,
        operation.path,
        operation.summary,
        operation.tag,
        ...operation.who,
        operation.description ?? "",
    ]
        .join(" ")
        .toLowerCase();
}

/** The JSON media type of an answer, if it has a body. */
export const mediaOf = answer => bodyMedia(answer.content);
