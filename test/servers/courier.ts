import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Account, ADMIN } from "./accounts.js";
import type { MailServer, ServerOptions } from "./mail-server.js";
import { NOBODY, type ServerFiles, type ServerPlace, startServer } from "./server-process.js";

/** How a Courier differs from the plain one. */
export interface CourierOptions extends ServerOptions {
  /** How the admin sees the dots of an account name: as spaces (`#shared.users.terry adams`), or with `true` (IMAP_SHAREDMUNGENAMES) as `\:`. */
  readonly mungeSharedNames?: boolean;
  /** False: accounts are in no group, and the admin sees `#shared.terry adams`. Default true. */
  readonly sharedGroup?: boolean;
  /** The whole CAPABILITY list. */
  readonly capability?: string;
}

/**
 * Courier, with virtual shared folders: the admin reads everybody's mail below `#shared.users.` ("UserRoot"). `LIST "" "*"`
 * does not show them, `LIST "" "#shared.*"` does; a user's node is that user's INBOX, and the folders are its children.
 *
 * User folders stand below `INBOX.`; names of levels hold no ".". It answers a wrong password after 5 s, loses commands
 * pipelined behind LOGIN, adds a final CRLF that is missing, stores an empty message as CRLF, refuses an INTERNALDATE
 * before 1970 and takes the first instant of 1970 for none. Of a message with 200 nested multiparts it serves the first
 * three quarters.
 */
export function startCourier(options: CourierOptions = {}): Promise<MailServer> {
  return startServer("courier", options, (place) => configure(place, options));
}

function configure(place: ServerPlace, options: CourierOptions): ServerFiles {
  const { dir, users } = place;
  const homes = users.map(({ name }) => `${name}\t${NOBODY}\t${NOBODY}\t${dir}/mail/${name}\tMaildir\n`).join("");
  const grouped = options.sharedGroup ?? true;
  const accounts = [...users, ADMIN];
  return {
    "run.sh": runScript(place),
    env: imapdEnvironment(dir, options),
    userdb: userdb(accounts, ({ name }) => {
      const rights = name === ADMIN.name ? "|options=group=administrators" : "";
      const home = `${dir}/mail/${name}`;
      return `home=${home}|mail=${home}/Maildir|uid=${NOBODY}|gid=${NOBODY}${rights}`;
    }),
    userdbshadow: userdb(accounts, ({ password }) => `systempw={SHA256}${sha256(password)}`),
    // made by run.sh, for /etc cannot be written to
    "etc/courier/userdb.dat": { linkTo: `${dir}/userdb.dat` },
    "etc/courier/userdbshadow.dat": { linkTo: `${dir}/userdbshadow.dat` },
    "etc/courier/authdaemonrc":
      'authmodulelist="authuserdb"\ndaemons=3\nauthdaemonvar=/run/courier/authdaemon\nDEBUG_LOGIN=0\n',
    "etc/courier/shared/index": grouped ? "users\t*\tmembers\n" : homes,
    ...(grouped ? { "etc/courier/shared/members": homes } : {}),
    // couriertls becomes the user that the package would have made
    "etc/passwd": `${readFileSync("/etc/passwd", "utf8")}courier:x:${NOBODY}:${NOBODY}::/:/usr/sbin/nologin\n`,
    "etc/group": `${readFileSync("/etc/group", "utf8")}courier:x:${NOBODY}:\n`,
  };
}

function userdb(accounts: readonly Account[], fields: (account: Account) => string): string {
  return `${accounts.map((account) => `${account.name}\t${fields(account)}\n`).join("")}.\n`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

function runScript({ dir, port, tlsPort }: ServerPlace): string {
  return `cd '${dir}'
for name in $(cut -f1 userdb | grep -vx '\\.'); do
  mkdir -p mail/$name
  [ -d mail/$name/Maildir ] || maildirmake.courier mail/$name/Maildir
done
libexec=/usr/lib/courier
for db in userdb userdbshadow; do
  $libexec/courier-authlib/makedatprog - tmp.dat $db.dat <$db
done
set -a; . ./env; set +a
mkdir -p /run/courier/authdaemon
$libexec/courier-authlib/authdaemond &
until [ -S /run/courier/authdaemon/socket ]; do sleep 0.01; done
listen='couriertcpd -address=127.0.0.1 -nodnslookup -noidentlookup -maxprocs=60 -maxperip=60'
imapd="$libexec/courier/imaplogin /usr/bin/imapd Maildir"
$listen ${port} $imapd &
IMAP_TLS=1 IMAP_STARTTLS=NO $listen ${tlsPort} /usr/bin/couriertls -server -tcpd $imapd &
wait
`;
}

function imapdEnvironment(dir: string, { capability, mungeSharedNames }: CourierOptions): string {
  const abilities = capability ?? "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE QUOTA IDLE";
  return `AUTHDAEMONRC=/etc/courier/authdaemonrc
IMAP_CAPABILITY="${abilities}"
IMAP_CAPABILITY_TLS="${abilities} AUTH=PLAIN"
IMAP_KEYWORDS=1
IMAP_ACL=1
IMAP_IDLE_TIMEOUT=60
IMAP_MAILBOX_SANITY_CHECK=1
IMAP_USELOCKS=1
IMAP_ENHANCEDIDLE=0
IMAP_SHAREDINDEXFILE=/etc/courier/shared/index
IMAP_SHAREDMUNGENAMES=${mungeSharedNames ? 1 : 0}
IMAP_TRASHFOLDERNAME=Trash
IMAP_EMPTYTRASH=
IMAP_STARTTLS=YES
IMAP_TLS_REQUIRED=0
COURIERTLS=/usr/bin/couriertls
TLS_CERTFILE=${dir}/both.pem
TLS_VERIFYPEER=NONE
`;
}
