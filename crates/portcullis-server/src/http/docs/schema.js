// Schemas (JSON Schema as OpenAPI 3.1 has it, and 3.0's `nullable`): what a reader sees of one, and an example of it.

import { el, json } from "./dom.js";
import { prose } from "./prose.js";

/** How deep a schema is followed: one that holds itself has no end. */
const DEEPEST = 8;

/** Follows `$ref`s into a document, one after the other; what leads nowhere is empty. */
export function resolver(document) {
    return function resolve(value, hops = 0) {
        const reference = value?.$ref;
        if (typeof reference !== "string" || hops > DEEPEST) {
            return value ?? {};
        }
        const steps = reference.startsWith("#/") ? reference.slice(2).split("/") : [];
        const names = steps.map(step => decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~"));
        const found = names.reduce(
            (inner, name) => (Object.hasOwn(Object(inner), name) ? inner[name] : undefined),
            document,
        );
        const { $ref, ...beside } = value;
        // What stands beside a reference is said of its place: a description there is the better one.
        return { ...resolve(names.length === 0 ? {} : found, hops + 1), ...beside };
    };
}

/** What is known of a document's schemas. */
export class Schemas {
    #resolve;

    constructor(document) {
        this.#resolve = resolver(document);
    }

    /** What a reference leads to. */
    resolve(value) {
        return this.#resolve(value);
    }

    /**
     * What a reader sees of a schema: its type in words, then its members, one below the other. `place` is `request` or
     * `answer`: a client has to know what it must send, and what it cannot count on.
     */
    describe(schema, place) {
        const type = el("span", { class: "type" }, this.type(schema));
        return el(
            "div",
            { class: "schema" },
            el("p", { class: "whole" }, type, this.#notes(schema)),
            this.#inside(schema, place),
        );
    }

    /** The type in words. */
    type(schema, depth = 0) {
        const plain = this.#plain(schema);
        if (depth > DEEPEST) {
            return "…";
        }
        const kinds = this.#choices(plain);
        if (kinds !== null) {
            const words = kinds.map(kind => plainTitle(this.#plain(kind)) ?? this.type(kind, depth + 1));
            return [...new Set([...words, ...(plain.isNullable ? ["null"] : [])])].join(" or ");
        }
        const words = plain.types.map(type => this.#typeWord(type, plain, depth));
        return [...words, ...(plain.isNullable ? ["null"] : [])].join(" or ") || "anything";
    }

    /** An example: the schema's own, or one made of its parts. */
    example(schema, depth = 0) {
        const plain = this.#plain(schema);
        const own = [plain.example, plain.examples?.[0], plain.const, plain.default].find(value => value !== undefined);
        if (own !== undefined || depth > DEEPEST) {
            return own ?? null;
        }
        if (Array.isArray(plain.enum)) {
            return plain.enum.find(value => value !== null) ?? null;
        }
        const kinds = this.#choices(plain);
        if (kinds !== null) {
            return this.example(kinds[0], depth + 1);
        }
        return this.#exampleOf(plain, depth);
    }

    #exampleOf(plain, depth) {
        switch (plain.types[0]) {
            case "object": {
                const members = Object.entries(plain.properties ?? {}).filter(
                    ([, member]) => !this.#resolve(member).deprecated,
                );
                const made = members.map(([name, member]) => [name, this.example(member, depth + 1)]);
                return Object.fromEntries(made);
            }
            case "array":
                return depth > 4 || plain.items === undefined ? [] : [this.example(plain.items, depth + 1)];
            case "integer":
            case "number":
                return plain.minimum ?? (plain.maximum < 0 ? plain.maximum : 0);
            case "boolean":
                return false;
            case "string":
                return texts[plain.format] ?? "…";
            default:
                return null;
        }
    }

    /** A schema without what only says it in another way: references, `allOf`, and null as a type or a choice. */
    #plain(schema, hops = 0) {
        let plain = schema === true ? {} : { ...this.#resolve(schema) };
        if (hops < DEEPEST && Array.isArray(plain.allOf)) {
            const { allOf, ...beside } = plain;
            plain = merged(allOf.map(part => this.#plain(part, hops + 1)).reduce(merged, {}), beside);
        }
        const types = [plain.type ?? plain.types ?? []].flat();
        const isNull = choice => this.#resolve(choice).type === "null";
        for (const key of ["oneOf", "anyOf"]) {
            if (Array.isArray(plain[key]) && plain[key].some(isNull)) {
                const rest = plain[key].filter(choice => !isNull(choice));
                const { [key]: _, ...beside } = plain;
                const only =
                    rest.length === 1 ? merged(this.#plain(rest[0], hops + 1), beside) : { ...beside, [key]: rest };
                return { ...only, isNullable: true, types: only.types ?? [] };
            }
        }
        const isNullable = plain.isNullable || plain.nullable === true || types.includes("null");
        const kept = types.filter(type => type !== "null");
        return { ...plain, isNullable, types: kept.length > 0 ? kept : guessed(plain) };
    }

    #choices(plain) {
        const choices = plain.oneOf ?? plain.anyOf;
        return Array.isArray(choices) && choices.length > 0 ? choices : null;
    }

    #typeWord(type, plain, depth) {
        if (type === "array") {
            return plain.items === undefined ? "list" : `list of ${plural(this.type(plain.items, depth + 1))}`;
        }
        const word = words[type] ?? type;
        return plain.format === undefined || isSize.test(plain.format) ? word : `${word} (${plain.format})`;
    }

    /** Limits, values, the description: what is said of a schema beside its type and members. */
    #notes(schema) {
        const plain = this.#plain(schema);
        const limits = limitsOf(plain).map(limit => el("span", { class: "limit" }, limit));
        const shown = value => el("code", {}, JSON.stringify(value));
        const said = (label, values) =>
            values.length > 0 &&
            el(
                "span",
                { class: "values" },
                label,
                values.map((value, at) => [at > 0 && ", ", shown(value)]),
            );
        return [
            limits,
            said("one of ", Array.isArray(plain.enum) ? plain.enum : []),
            said("always ", plain.const === undefined ? [] : [plain.const]),
            said("default ", plain.default === undefined ? [] : [plain.default]),
            plain.readOnly === true && el("span", { class: "limit" }, "in answers only"),
            plain.writeOnly === true && el("span", { class: "limit" }, "in requests only"),
            plain.deprecated === true && el("span", { class: "limit" }, "deprecated"),
        ];
    }

    /** The members of an object, the items of a list, the choices: what is inside, if anything is. */
    #inside(schema, place, depth = 0) {
        const plain = this.#plain(schema);
        if (depth > DEEPEST) {
            return null;
        }
        const choices = this.#choices(plain);
        if (choices !== null) {
            const inner = choices.map((choice, at) => [choice, this.#inside(choice, place, depth + 1), at]);
            return (
                inner.some(([, inside]) => inside !== null) &&
                inner.map(([choice, inside, at]) =>
                    el(
                        "div",
                        { class: "choice" },
                        el(
                            "p",
                            { class: "heading" },
                            at === 0 ? "Either " : "or ",
                            plainTitle(this.#plain(choice)) ?? this.type(choice),
                        ),
                        inside ?? el("p", { class: "whole" }, this.#notes(choice)),
                    ),
                )
            );
        }
        if (plain.types.includes("array") && plain.items !== undefined) {
            return this.#inside(plain.items, place, depth + 1);
        }
        return this.#members(plain, place, depth);
    }

    #members(plain, place, depth) {
        const required = new Set(Array.isArray(plain.required) ? plain.required : []);
        const members = Object.entries(plain.properties ?? {});
        const others = plain.additionalProperties;
        const rows = members.map(([name, member]) =>
            this.#member(el("code", {}, name), member, presence(place, required.has(name)), place, depth),
        );
        if (typeof others === "object" && others !== null) {
            rows.push(this.#member(el("em", {}, "any name"), others, null, place, depth));
        }
        if (rows.length === 0) {
            return null;
        }
        return el(
            "ul",
            { class: "members" },
            rows,
            others === false && place === "request" && el("li", { class: "only" }, "Other members are refused."),
        );
    }

    #member(name, member, presence, place, depth) {
        const description = this.#plain(member).description;
        return el(
            "li",
            {},
            el(
                "p",
                { class: "member" },
                el("span", { class: "name" }, name),
                " ",
                el("span", { class: "type" }, this.type(member)),
                presence,
                this.#notes(member),
            ),
            description !== undefined && el("div", { class: "prose small" }, prose(description)),
            this.#inside(member, place, depth + 1),
        );
    }

    /** A parameter or a header: its type, limits and values on a line. */
    line(schema) {
        return [el("span", { class: "type" }, this.type(schema)), this.#notes(schema)];
    }

    /** The values that a schema allows, where it names them; with null where there are none. */
    values(schema) {
        const plain = this.#plain(schema);
        return Array.isArray(plain.enum) ? plain.enum : plain.types[0] === "boolean" ? [true, false] : null;
    }

    /** The example of a body: the one beside its schema, or one made of the schema. */
    exampleOf(media) {
        const named = Object.values(media.examples ?? {}).map(example => this.#resolve(example).value);
        const given = [media.example, ...named].find(value => value !== undefined);
        return given ?? (media.schema === undefined ? undefined : this.example(media.schema));
    }
}

/** An example, pretty printed. */
export const shownExample = value => (typeof value === "string" ? el("code", {}, value) : json(value));

/** What has to be said of whether a member is there. */
function presence(place, isRequired) {
    if (place === "request") {
        return isRequired && el("span", { class: "required" }, "required");
    }
    return !isRequired && el("span", { class: "limit" }, "may be missing");
}

/** Formats that say how large a number is in the server. */
const isSize = /^(u?int(8|16|32|64)?|float|double)$/;

const plainTitle = plain => (typeof plain.title === "string" ? plain.title : undefined);

const words = {
    string: "text",
    integer: "integer",
    number: "number",
    boolean: "true or false",
    object: "object",
    array: "list",
};

const plural = word => (["text", "integer", "number", "object", "list"].includes(word) ? `${word}s` : word);

const texts = {
    uuid: "018f2f5a-7c1e-7b6e-9d0a-3f1f5a0c9a11",
    "date-time": "2030-03-17T17:46:40Z",
    date: "2030-03-17",
    uri: "https://example.org/",
    ipv4: "192.0.2.7",
    password: "correct horse",
};

/** The type of a schema that names none. */
function guessed(plain) {
    if (plain.properties !== undefined || plain.additionalProperties !== undefined) {
        return ["object"];
    }
    const value = plain.const ?? plain.enum?.[0];
    const type = typeof value;
    return value === undefined || value === null ? [] : type === "object" ? ["object"] : [type];
}

/** Two schemas that both hold: members and what is required together; of all else the second one counts. */
function merged(first, second) {
    return {
        ...first,
        ...second,
        types: second.types?.length > 0 ? second.types : first.types,
        ...(first.properties || second.properties ? { properties: { ...first.properties, ...second.properties } } : {}),
        ...(first.required || second.required
            ? { required: [...(first.required ?? []), ...(second.required ?? [])] }
            : {}),
    };
}

const between = (least, most, unit = "") => {
    const counted = number => (unit === "" ? `${number}` : `${number} ${unit}${number === 1 ? "" : "s"}`);
    if (least !== undefined && most !== undefined) {
        return least === most ? counted(least) : `${least} to ${counted(most)}`;
    }
    return least !== undefined ? `at least ${counted(least)}` : most !== undefined ? `at most ${counted(most)}` : null;
};

function limitsOf(plain) {
    return [
        between(plain.minLength, plain.maxLength, "character"),
        between(plain.minimum, plain.maximum),
        plain.exclusiveMinimum !== undefined && `above ${plain.exclusiveMinimum}`,
        plain.exclusiveMaximum !== undefined && `below ${plain.exclusiveMaximum}`,
        between(plain.minItems, plain.maxItems, "item"),
        between(plain.minProperties, plain.maxProperties, "member"),
        plain.multipleOf !== undefined && `a multiple of ${plain.multipleOf}`,
        plain.uniqueItems === true && "each once",
        plain.pattern !== undefined && `matches ${plain.pattern}`,
    ].filter(limit => typeof limit === "string");
}
