import { JWT_SECRET } from "./access-token.js";
import { ADMIN, PAUL } from "./accounts.js";
import type { MailServer, ServerOptions } from "./mail-server.js";
import { NOBODY, type ServerFiles, type ServerPlace, startServer } from "./server-process.js";

/** How a Dovecot differs from the plain one. */
export interface DovecotOptions extends ServerOptions {
  /** Paul Cannon's quota in KB; APPEND beyond it is answered `NO [OVERQUOTA]`. Absent: nobody has one. */
  readonly quotaKb?: number;
  /** The whole CAPABILITY list, to take abilities away (`IMAP4rev1 UIDPLUS`). Absent: everything Dovecot can do. */
  readonly capability?: string;
  /** Lines for the end of dovecot.conf. */
  readonly extraConfig?: string;
}

/**
 * Dovecot. Besides each user's own password it takes, with the admin's password, `terry.adams*mailadmin`,
 * `contoso-students/mailadmin/terry.adams` and `#terry.adams@contoso-students.edu#mailadmin#`; and XOAUTH2 or
 * OAUTHBEARER with a token of `accessToken`.
 *
 * It serves a bare LF as CRLF and NUL as 0x80, refuses an empty message, and keeps every other octet. APPEND with an
 * INTERNALDATE in the future gets the present.
 */
export function startDovecot(options: DovecotOptions = {}): Promise<MailServer> {
  return startServer("dovecot", options, (place) => configure(place, options));
}

function configure(place: ServerPlace, options: DovecotOptions): ServerFiles {
  const { dir, users } = place;
  const quota = options.quotaKb === undefined ? "" : `userdb_quota_rule=*:storage=${options.quotaKb}K`;
  return {
    // what an earlier run left in run/ names processes that are gone
    "run.sh": `rm -rf '${dir}/run'; mkdir -p '${dir}/run' '${dir}/mail'
exec dovecot -F -c '${dir}/dovecot.conf'`,
    "dovecot.conf": dovecotConf(place, options),
    "oauth2.conf": `introspection_mode = local
local_validation_key_dict = fs:posix:prefix=${dir}/keys/
username_attribute = sub
`,
    "keys/default/HS256/default": Buffer.from(JWT_SECRET).toString("base64"),
    masters: `${ADMIN.name}:{PLAIN}${ADMIN.password}\n`,
    users: lines(users, ({ name, password }) => {
      const extra = name === PAUL.name ? quota : "";
      return `${name}:{PLAIN}${password}:${NOBODY}:${NOBODY}::${dir}/mail/${name}::${extra}`;
    }),
    // each key has a "=" in front, because a line of a passwd-file must not start with "#"
    "admin-logins": lines(users, ({ name }) =>
      [`contoso-students/${ADMIN.name}/${name}`, `#${name}@contoso-students.edu#${ADMIN.name}#`]
        .map((login) => `=${login}:{PLAIN}${ADMIN.password}::::::user=${name}`)
        .join("\n"),
    ),
  };
}

function lines<T>(items: readonly T[], line: (item: T) => string): string {
  return items.map((item) => `${line(item)}\n`).join("");
}

function dovecotConf({ dir, port, tlsPort }: ServerPlace, { capability, extraConfig = "" }: DovecotOptions): string {
  return `base_dir = ${dir}/run
state_dir = ${dir}/run
log_path = ${dir}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1
ssl = yes
ssl_cert = <${dir}/cert.pem
ssl_key = <${dir}/key.pem
disable_plaintext_auth = no
mail_location = maildir:${dir}/mail/%u/Maildir
mail_plugins = quota
mail_max_userip_connections = 100
# a killed server loses nothing that the kernel has; only a power cut would
mail_fsync = never
auth_mechanisms = plain login xoauth2 oauthbearer
auth_master_user_separator = *
# empty: every character is allowed in a login name
auth_username_chars =
auth_username_format = %Lu
auth_failure_delay = 0
namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    special_use = \\Sent
    auto = create
  }
  mailbox Trash {
    special_use = \\Trash
    auto = create
  }
  mailbox Junk {
    special_use = \\Junk
    auto = create
  }
  mailbox Drafts {
    special_use = \\Drafts
    auto = create
  }
  mailbox Archive {
    special_use = \\Archive
  }
}
passdb {
  driver = passwd-file
  args = ${dir}/masters
  master = yes
  result_success = continue
}
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${dir}/oauth2.conf
}
passdb {
  driver = passwd-file
  args = username_format=%u ${dir}/users
}
# last, because it renames the login and no later passdb may see the new name
passdb {
  driver = passwd-file
  args = username_format==%u ${dir}/admin-logins
}
userdb {
  driver = passwd-file
  args = username_format=%u ${dir}/users
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
}
protocol imap {
  mail_plugins = quota imap_quota imap_zlib
}
service anvil {
  chroot =
  # no growing delay after failed logins
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = ${tlsPort}
    ssl = yes
  }
}
${capability === undefined ? "" : `imap_capability = ${capability}`}
${extraConfig}
`;
}
