import { refuse } from "./reply.js";

/** A JSON object as it came: nothing is known of its members. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What Graph says of a body that it cannot make an entity of. @throws Refusal always */
export function unreadableBody(detail = "Unable to deserialize the post body."): never {
  return refuse(400, "UnableToDeserializePostBody", detail);
}

export function readJson(body: Buffer): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    return unreadableBody();
  }
  return isObject(value) ? value : unreadableBody();
}

/** The text of a member; undefined where it is absent. */
export function textMember(from: JsonObject, name: string): string | undefined {
  const value = from[name];
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value : unreadableBody(`${name} must be a text.`);
}

export function booleanMember(from: JsonObject, name: string): boolean | undefined {
  const value = from[name];
  if (value === undefined || value === null) return undefined;
  return typeof value === "boolean" ? value : unreadableBody(`${name} must be true or false.`);
}

export function objectMember(from: JsonObject, name: string): JsonObject | undefined {
  const value = from[name];
  if (value === undefined || value === null) return undefined;
  return isObject(value) ? value : unreadableBody(`${name} must be an object.`);
}

/** The objects of an array; empty where it is absent. */
export function objectsMember(from: JsonObject, name: string): readonly JsonObject[] {
  const value = from[name];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every(isObject)) return value;
  return unreadableBody(`${name} must be a list of objects.`);
}

export function textsMember(from: JsonObject, name: string): readonly string[] | undefined {
  const value = from[name];
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  return unreadableBody(`${name} must be a list of texts.`);
}
