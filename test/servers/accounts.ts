/** Someone who can log in. */
export interface Account {
  readonly name: string;
  readonly password: string;
}

/** The mailboxes of every test server: those of Microsoft's CSV samples. */
export const TERRY: Account = { name: "terry.adams", password: "1091990" };
export const ANN: Account = { name: "ann.beebe", password: "2111991" };
export const PAUL: Account = { name: "paul.cannon", password: "3281986" };

/** The administrator of every test server; has no mail of its own. */
export const ADMIN: Account = { name: "mailadmin", password: "P@ssw0rd" };
