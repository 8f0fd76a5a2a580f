//! What litestream is told: its configuration file and its environment. Pure.

import { err, ok, type Result } from '../base/result.ts'

export type Replica = {
  /** The database that litestream is given. */
  readonly database: string
  /** As configured: of the whole system. */
  readonly url: string
  /** Each node has a place of its own below it: no two ever write to the same one. */
  readonly node: string
  readonly credentials: Credentials
}

/** Names as litestream and the clouds' own tools know them, and two of ours for SFTP. */
export type Credentials = Readonly<Record<string, string>>

const NAME = /^(?:LITESTREAM|AWS|GOOGLE|AZURE|OSS|SFTP)_[A-Z0-9_]+$/
const PLAIN = /^(?:PATH|HOME|TMPDIR|TZ|SSL_CERT_FILE|SSL_CERT_DIR|(?:https?|no)_proxy)$/i
/** Values that short are no secrets, and would mask half of every line. */
const SECRET_MIN = 4
const MASK = '[redacted]'

/** Where this node's replica is. */
export function placeOf({ url, node }: Pick<Replica, 'url' | 'node'>): string {
  const place = new URL(url)
  place.pathname = `${place.pathname.replace(/\/+$/, '')}/${node}`
  return place.toString()
}

/** YAML; a JSON text is one of YAML, too. `replicas` is known to all releases. */
export function renderConfig(replica: Replica): string {
  const { database, credentials } = replica
  const { SFTP_KEY_PATH: keyPath, SFTP_PASSWORD: password } = credentials
  const line = (name: string, value: string | undefined): string =>
    value === undefined ? '' : `        ${name}: ${JSON.stringify(value)}\n`
  return (
    '# Made by pbx at each start.\n' +
    'dbs:\n' +
    `  - path: ${JSON.stringify(database)}\n` +
    '    replicas:\n' +
    `      - url: ${JSON.stringify(placeOf(replica))}\n` +
    line('key-path', keyPath) +
    line('password', password)
  )
}

/** Lines of NAME=VALUE. The error says which line, and never what is in it. */
export function parseCredentials(text: string): Result<Credentials, string> {
  const found: Record<string, string> = {}
  for (const [place, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue
    const [, name = '', value = ''] = /^(?:export\s+)?([A-Za-z0-9_]+)=(.*)$/.exec(line.trim()) ?? []
    if (!NAME.test(name))
      return err(`line ${place + 1} must be NAME=VALUE, such as AWS_ACCESS_KEY_ID=…`)
    found[name] = value.replace(/^(["'])(.*)\1$/, '$2')
  }
  return ok(found)
}

/** What the child sees of ours: what it needs, and no other program's secrets. */
export function environmentOf(
  ours: Readonly<Record<string, string | undefined>>,
  credentials: Credentials,
): Record<string, string> {
  const passed = Object.entries(ours).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (NAME.test(entry[0]) || PLAIN.test(entry[0])),
  )
  return { ...Object.fromEntries(passed), ...credentials }
}

/** Takes every credential out of what the child says. */
export function maskOf(environment: Readonly<Record<string, string>>): (line: string) => string {
  const secrets = Object.entries(environment)
    .filter(([name, value]) => NAME.test(name) && value.length >= SECRET_MIN)
    .map(([, value]) => value)
    .toSorted((a, b) => b.length - a.length)
  return (line) => secrets.reduce((text, secret) => text.replaceAll(secret, MASK), line)
}
