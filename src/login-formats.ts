import { MigrationError } from "./errors.js";

/** An administrator's login at Microsoft Exchange. */
export interface ExchangeLogin {
  domain: string;
  /** The administrator, who signs in. */
  admin: string;
  /** The user, whose mailbox is opened. */
  user: string;
}

/** An administrator's login at Dovecot and other SASL servers. */
export interface DovecotLogin {
  /** The user, whose mailbox is opened. */
  user: string;
  /** The administrator, who signs in. */
  admin: string;
}

/** An administrator's login at Mirapoint Message Server. */
export interface MirapointLogin {
  /** The user, whose mailbox is opened. */
  user: string;
  /** The user's mail domain. */
  domain: string;
  /** The administrator, who signs in. */
  admin: string;
}

/** Where Courier IMAP and Oracle IMAP show a user's mailbox to the administrator. */
export interface CourierUserRoot {
  /**
   * The folder below which all mailboxes stand: a slash and a name, once or more often.
   * @default "/users"
   */
  root?: string;
  /** The user, whose mailbox is opened. */
  user: string;
}

/** The character that separates the two names, as the server is configured (Dovecot: auth_master_user_separator). */
export interface DovecotSeparator {
  /** @default "*" */
  separator?: string;
}

/**
 * `Domain/Admin_UserName/User_UserName`: the administrator comes before the user, unlike in the other formats. The
 * password that goes with an administrator's login is always the administrator's.
 * @throws MigrationError `login-format` when a part is empty or holds a slash, a line end or a NUL
 */
export function exchangeLogin({ domain, admin, user }: ExchangeLogin): string {
  checkParts({ domain, admin, user }, "/");
  return `${domain}/${admin}/${user}`;
}

/** @throws MigrationError `login-format` when the text is not of the form that {@link exchangeLogin} writes */
export function parseExchangeLogin(text: string): ExchangeLogin {
  const [, domain = "", admin = "", user = ""] = match(text, /^([^/]*)\/([^/]*)\/([^/]*)$/, EXCHANGE_FORM);
  checkParts({ domain, admin, user }, "/");
  return { domain, admin, user };
}

const EXCHANGE_FORM = "Domain/Admin_UserName/User_UserName";

/**
 * `User_UserName*Admin_UserName`: the user comes before the administrator, whose password goes with it.
 * @throws MigrationError `login-format` when a name is empty or holds the separator, a line end or a NUL, or when the
 * separator is not one character
 */
export function dovecotLogin({ user, admin, separator = "*" }: DovecotLogin & DovecotSeparator): string {
  checkSeparator(separator);
  checkParts({ user, admin }, separator);
  return `${user}${separator}${admin}`;
}

/** @throws MigrationError `login-format` when the text is not of the form that {@link dovecotLogin} writes */
export function parseDovecotLogin(text: string, { separator = "*" }: DovecotSeparator = {}): DovecotLogin {
  checkSeparator(separator);
  const [user = "", admin, more] = text.split(separator);
  if (admin === undefined || more !== undefined)
    throw formatError(`the text is not of the form User_UserName${separator}Admin_UserName`);
  checkParts({ user, admin }, separator);
  return { user, admin };
}

/**
 * `#user@domain#Admin_UserName#`: the user comes before the administrator, whose password goes with it.
 * @throws MigrationError `login-format` when a part is empty or holds `#`, a line end or a NUL, or when the user or the
 * domain holds `@`
 */
export function mirapointLogin({ user, domain, admin }: MirapointLogin): string {
  checkParts({ user, domain }, "@");
  checkParts({ user, domain, admin }, "#");
  return `#${user}@${domain}#${admin}#`;
}

/** @throws MigrationError `login-format` when the text is not of the form that {@link mirapointLogin} writes */
export function parseMirapointLogin(text: string): MirapointLogin {
  const [, user = "", domain = "", admin = ""] = match(text, /^#([^#@]*)@([^#@]*)#([^#]*)#$/, MIRAPOINT_FORM);
  checkParts({ user, domain, admin }, "#");
  return { user, domain, admin };
}

const MIRAPOINT_FORM = "#user@domain#Admin_UserName#";

/**
 * The UserRoot cell, such as `/users/terry.adams`; UserName and Password of the row are the administrator's own.
 * @throws MigrationError `login-format` when the user is empty or holds a slash, when `root` is not made of a slash and
 * a name, once or more often, or when either holds a line end or a NUL
 */
export function courierUserRoot({ root = "/users", user }: CourierUserRoot): string {
  checkParts({ user }, "/");
  checkRoot(root);
  return `${root}/${user}`;
}

/** @throws MigrationError `login-format` when the text is not of the form that {@link courierUserRoot} writes */
export function parseCourierUserRoot(text: string): Required<CourierUserRoot> {
  const [, root = "", user = ""] = match(text, /^(.*)\/([^/]*)$/s, "/users/User_UserName");
  checkRoot(root);
  checkParts({ user }, "/");
  return { root, user };
}

function match(text: string, pattern: RegExp, form: string): RegExpExecArray {
  const parts = pattern.exec(text);
  if (parts === null) throw formatError(`the text is not of the form ${form}`);
  return parts;
}

function checkRoot(root: string): void {
  if (!root.startsWith("/")) throw formatError("root does not begin with a slash");
  for (const name of root.slice(1).split("/")) checkParts({ root: name }, "/");
}

function checkSeparator(separator: string): void {
  if ([...separator].length !== 1 || UNSENDABLE.test(separator))
    throw formatError("the separator is not one character");
}

/** CR, LF and NUL cannot stand in a line of IMAP (RFC 9051 section 9) nor in a name of SASL PLAIN (RFC 4616). */
const UNSENDABLE = /[\r\n\0]/;

function checkParts(parts: Readonly<Record<string, string>>, separator: string): void {
  for (const [name, value] of Object.entries(parts)) {
    if (value === "") throw formatError(`${name} is empty`);
    if (value.includes(separator)) throw formatError(`${name} holds "${separator}", which separates the parts`);
    if (UNSENDABLE.test(value)) throw formatError(`${name} holds a line end or a NUL`);
  }
}

function formatError(reason: string): MigrationError {
  return new MigrationError("login-format", `Not possible in this credential format: ${reason}`);
}
