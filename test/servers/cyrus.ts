import { ADMIN } from "./accounts.js";
import type { MailServer, ServerOptions } from "./mail-server.js";
import { type ServerFiles, type ServerPlace, startServer } from "./server-process.js";

/** How a Cyrus differs from the plain one. */
export interface CyrusOptions extends ServerOptions {
  /** Lines for the end of imapd.conf, such as `suppress_capabilities: LITERAL+`. */
  readonly extraConfig?: string;
}

/**
 * Cyrus. The admin acts for a user by SASL PLAIN with the user as authorization identity. As itself it lists
 * `user/terry.adams/...` but may not open it until it gives itself the right (SETACL): the permission-denied case.
 *
 * It refuses bare LF, an empty message, a broken header line, an INTERNALDATE before 1970, and NUL outside a literal8. It
 * puts `X` for each 8-bit octet of a header (`munge8bit: no` as `extraConfig` switches that off), and takes the first
 * instant of 1970 for no INTERNALDATE.
 */
export function startCyrus(options: CyrusOptions = {}): Promise<MailServer> {
  return startServer("cyrus", options, (place) => configure(place, options));
}

function configure({ dir, port, tlsPort, users }: ServerPlace, { extraConfig = "" }: CyrusOptions): ServerFiles {
  return {
    "run.sh": `mkdir -p '${dir}/conf' '${dir}/mail'
[ -f '${dir}/sasldb2' ] || while read -r name password; do
  printf %s "$password" | saslpasswd2 -p -c -f '${dir}/sasldb2' -u localhost "$name"
done <'${dir}/accounts'
exec /usr/lib/cyrus/bin/master -D -p '${dir}/master.pid'
`,
    accounts: [...users, ADMIN].map(({ name, password }) => `${name} ${password}\n`).join(""),
    "etc/cyrus.conf": `START {
  recover cmd="ctl_cyrusdb -r"
}
SERVICES {
  imap  cmd="imapd -U 30" listen="127.0.0.1:${port}" prefork=0 proto="tcp4"
  imaps cmd="imapd -s -U 30" listen="127.0.0.1:${tlsPort}" prefork=0 proto="tcp4"
}
EVENTS {
}
`,
    "etc/imapd.conf": `configdirectory: ${dir}/conf
defaultpartition: default
partition-default: ${dir}/mail
cyrus_user: nobody
servername: localhost
admins: ${ADMIN.name}
proxyservers: ${ADMIN.name}
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: ${dir}/sasldb2
sasl_mech_list: PLAIN LOGIN
virtdomains: off
unixhierarchysep: yes
altnamespace: yes
autocreate_quota: 0
autocreate_inbox_folders: Sent|Projects
delete_mode: immediate
expunge_mode: immediate
lmtpsocket: ${dir}/conf/lmtp
idlesocket: ${dir}/conf/idle
notifysocket: ${dir}/conf/notify
tls_server_cert: ${dir}/cert.pem
tls_server_key: ${dir}/key.pem
${extraConfig}
`,
  };
}
