//! Carries out a command against a running system, by its API alone.

import { unreachable } from '../base/assert.ts'
import type * as api from '../console/api/shapes.ts'
import { Client } from './client.ts'
import { CliFailure } from './errors.ts'
import { ONCE_REMOVED } from '../cluster/farewell.ts'
import { backupTo } from './backup.ts'
import { drain, undrainedText } from './drain.ts'
import { showLogs } from './logs.ts'
import { memberText } from './member-text.ts'
import { importFile } from './import.ts'
import { isOffline, runOffline, type Offline } from './cluster.ts'
import { healthText, serverStatusText } from './server-status.ts'
import { runServerCommand, type Show } from './servers.ts'
import type { Invocation, Password, UserName } from './invocation.ts'
import { restoreFrom } from './restore.ts'
import { schemaText } from './schema.ts'
import { clock, type Column, grouped, localTime, table } from './table.ts'
import { firstLine, type Terminal } from './terminal.ts'
import { traceText } from './trace.ts'
import { transferLeadership } from './transfer.ts'

type Asked = Exclude<Extract<Invocation, { kind: 'command' }>, Offline>

/** The exit code: 0 when all went well, 1 when not, 2 when it was asked for wrongly. */
export async function runCommand(asked: Asked | Offline, terminal: Terminal): Promise<number> {
  try {
    if (isOffline(asked)) return await runOffline(asked, terminal)
    return await carryOut(asked, new Client(asked.target), terminal)
  } catch (failure) {
    if (!(failure instanceof CliFailure)) throw failure
    terminal.error(`pbx: ${failure.message}\n`)
    return failure.exitCode
  }
}

async function carryOut(asked: Asked, client: Client, terminal: Terminal): Promise<number> {
  const show: Show = (value, text) => {
    terminal.out(asked.json ? `${JSON.stringify(value, undefined, 2)}\n` : text(value))
    return 0
  }
  switch (asked.command) {
    case 'status': {
      const status = await client.call<api.Status | api.ServerStatus>('GET', '/status')
      show(status, (value) => ('server' in value ? serverStatusText(value) : statusText(value)))
      return status.health.healthy ? 0 : 1
    }
    case 'extension add': {
      const body = {
        ...named(asked.user),
        displayName: asked.displayName,
        password: await passwordOf(asked.password, terminal),
      }
      return show(await client.call<api.ExtensionSecret>('POST', '/extensions', body), secretText)
    }
    case 'extension passwd': {
      const password = await passwordOf(asked.password, terminal)
      const path = `${await extensionPath(client, asked.user)}/password`
      return show(await client.call<api.ExtensionSecret>('PUT', path, { password }), secretText)
    }
    case 'extension remove':
      await client.call('DELETE', await extensionPath(client, asked.user))
      return show({ removed: asked.user.user }, ({ removed }) => `removed ${removed}\n`)
    case 'extension list':
      return listPages(client, terminal, asked, '/extensions', EXTENSIONS)
    case 'registrations':
      return listPages(client, terminal, asked, '/registrations', REGISTRATIONS)
    case 'cdrs':
      return listPages(client, terminal, asked, '/cdrs', CDRS)
    case 'calls':
      return show(await client.call<api.CallList>('GET', '/calls'), ({ items }) =>
        items.length === 0 ? 'no calls are up\n' : table(items, CALLS),
      )
    case 'cluster remove':
      await client.call('DELETE', `/cluster/nodes/${encodeURIComponent(asked.node)}`)
      return show({ removed: asked.node }, removedText)
    case 'server add':
    case 'server token':
    case 'server remove':
    case 'server list':
      return runServerCommand(asked, client, show)
    case 'transfer-leadership':
      return show(await transferLeadership(client, asked.to), transferredText)
    case 'drain':
      return drain(asked, terminal)
    case 'undrain':
      return show(await client.call<api.Drained>('DELETE', '/drain'), undrainedText)
    case 'hangup':
      await client.call('DELETE', `/calls/${encodeURIComponent(asked.call)}`)
      return show({ ended: asked.call }, ({ ended }) => `ended ${ended}\n`)
    case 'trace': {
      const path = `/calls/${encodeURIComponent(asked.call)}/trace`
      const trace = await client.call<api.Trace>('GET', path)
      return show(trace, (value) => traceText(value, asked.messages))
    }
    case 'logs':
    case 'backup':
    case 'restore':
    case 'import':
      return stream(asked, client, terminal)
    default:
      return unreachable(asked)
  }
}

type Streamed = Extract<Asked, { command: 'logs' | 'backup' | 'restore' | 'import' }>

/** What is too long for one answer. */
function stream(asked: Streamed, client: Client, terminal: Terminal): Promise<number> {
  switch (asked.command) {
    case 'logs':
      return showLogs(client, asked, terminal)
    case 'backup':
      return backupTo(client, asked, terminal)
    case 'restore':
      return restoreFrom(client, asked, terminal)
    case 'import':
      return importFile(client, asked.file, asked.json, terminal)
    default:
      return unreachable(asked)
  }
}

// ---- lists -------------------------------------------------------------------------------------

type Listing<Row> = {
  readonly none: string
  readonly cursor: 'after' | 'before'
  readonly columns: readonly Column<Row>[]
  /** Rows of one item. */
  readonly rows: (item: never) => readonly Row[]
}

type Page = { readonly items: readonly never[]; readonly next?: string }

/** Without a limit everything is listed, a page at a time; JSON is one object a line then. */
async function listPages<Row>(
  client: Client,
  terminal: Terminal,
  asked: { readonly domain: string | undefined; readonly limit: number | undefined; json: boolean },
  path: string,
  { none, cursor, columns, rows }: Listing<Row>,
): Promise<number> {
  const { domain, json } = asked
  let left = asked.limit ?? (cursor === 'before' ? CDRS_SHOWN : Number.POSITIVE_INFINITY)
  let at = ''
  for (;;) {
    const query = new URLSearchParams({ limit: String(Math.min(left, PAGE)) })
    if (domain !== undefined) query.set('domain', domain)
    if (at !== '') query.set(cursor, at)
    const page = await client.call<Page>('GET', `${path}?${query.toString()}`)
    if (json) terminal.out(page.items.map((item) => `${JSON.stringify(item)}\n`).join(''))
    else if (page.items.length > 0) terminal.out(table(page.items.flatMap(rows), columns))
    else if (at === '') terminal.out(`${none}\n`)
    left -= page.items.length
    at = page.next ?? ''
    if (at === '' || left <= 0) return 0
  }
}

const PAGE = 1_000
const CDRS_SHOWN = 20

const EXTENSIONS: Listing<api.ExtensionView> = {
  none: 'there are no extensions; make one with: pbx extension add 1001',
  cursor: 'after',
  rows: (item: api.ExtensionView) => [item],
  columns: [
    { head: 'EXTENSION', cell: ({ extension }) => extension },
    { head: 'DOMAIN', cell: ({ domain }) => domain },
    { head: 'NAME', cell: ({ displayName }) => displayName },
    { head: 'ENABLED', cell: ({ enabled }) => (enabled ? 'yes' : 'no') },
    { head: 'CHANGED', cell: ({ updatedAt }) => localTime(updatedAt) },
  ],
}

type Registered = api.RegistrationPage['items'][number]
type Device = Registered['contacts'][number] & { readonly aor: string }

const REGISTRATIONS: Listing<Device> = {
  none: 'nobody is registered',
  cursor: 'after',
  rows: ({ aor, contacts }: Registered) => contacts.map((contact) => ({ aor, ...contact })),
  columns: [
    { head: 'AOR', cell: ({ aor }) => aor.replace(/^sip:/, '') },
    { head: 'DEVICE AT', cell: ({ transport, address }) => `${transport} ${address}` },
    { head: 'NAT', cell: ({ behindNat }) => (behindNat ? 'yes' : 'no') },
    { head: 'Q', cell: ({ q }) => String(q), right: true },
    { head: 'EXPIRES IN', cell: ({ expiresIn }) => clock(expiresIn), right: true },
    { head: 'USER AGENT', cell: ({ userAgent }) => userAgent },
  ],
}

type LiveCall = api.CallList['items'][number]

const CALLS: readonly Column<LiveCall>[] = [
  { head: 'CALL', cell: ({ id }) => id },
  { head: 'FROM', cell: ({ caller }) => caller },
  { head: 'TO', cell: ({ callee }) => callee },
  { head: 'STATE', cell: ({ state }) => state },
  {
    head: 'FOR',
    cell: ({ startedAt, answeredAt }) =>
      clock((Date.now() - Date.parse(answeredAt ?? startedAt)) / 1000),
    right: true,
  },
]

const CDRS: Listing<api.CdrView> = {
  none: 'no call has ended yet',
  cursor: 'before',
  rows: (item: api.CdrView) => [item],
  columns: [
    { head: 'STARTED', cell: ({ startedAt }) => localTime(startedAt) },
    { head: 'FROM', cell: ({ caller }) => caller.replace(/^sip:/, '') },
    { head: 'TO', cell: ({ callee }) => callee.replace(/^sip:/, '') },
    { head: 'TALKED', cell: ({ durationMs }) => clock(durationMs / 1000), right: true },
    { head: 'STATUS', cell: ({ status }) => String(status), right: true },
    { head: 'CAUSE', cell: ({ cause }) => cause },
    { head: 'ENDED BY', cell: ({ endedBy }) => endedBy },
    { head: 'CALL', cell: ({ call }) => call },
  ],
}

// ---- texts -------------------------------------------------------------------------------------

function statusText(status: api.Status): string {
  const up = clock((Date.now() - Date.parse(status.startedAt)) / 1000)
  const facts: (readonly [string, string])[] = [
    ['health', healthText(status.health)],
    ['server', `${status.name}, version ${status.version}, up ${up}`],
    ['roles', status.roles.join(', ')],
    ['sip', endpointsText(status.endpoints)],
    ['domains', status.domains.join(', ')],
    ['extensions', grouped(status.extensions)],
    ['registered', grouped(status.registrations)],
    ['calls', grouped(status.calls)],
    ...drained(status),
    ['memory', `${grouped(status.residentBytes / 1024 / 1024)} MiB`],
    ['schema', schemaText(status)],
  ]
  const { replication } = status
  if (replication !== undefined) facts.push(['replica', replicaText(replication)])
  const text = facts.map(([name, value]) => `${name.padEnd(12)}${value}\n`).join('')
  return text + (status.cluster === undefined ? '' : clusterText(status.cluster))
}

function endpointsText(endpoints: api.Status['endpoints']): string {
  const open = endpoints.map(({ transport, port }) => `${transport} ${port}`)
  return open.join(', ') || 'closed: this node is on standby'
}

function replicaText({ state, to, since, why, copiedAt }: NonNullable<api.Status['replication']>) {
  const how = state === 'running' ? '' : ` since ${localTime(since)}${why ? `: ${why}` : ''}`
  const copied = copiedAt === undefined ? '' : `, newest state of ${localTime(copiedAt)}`
  return `${to}: litestream is ${state}${how}${copied}`
}

function drained({ drained: asked }: api.Status): readonly (readonly [string, string])[] {
  if (asked === undefined) return []
  const forced = asked.isForced ? ', by force' : ''
  return [['drained', `since ${localTime(asked.since)}${forced}; pbx undrain ends it`]]
}

export function clusterText(cluster: api.ClusterView): string {
  const { leader, node, term, why, since, address, holdsAddress, urgency, isActive } = cluster
  const { applied, compared, noSnapshot, dismissed } = cluster
  const role = isActive ? 'serving' : 'on standby'
  const holder = holdsAddress ? 'here' : 'not here'
  const { unguarded } = cluster
  const guard = unguarded === undefined ? '' : `; not guarded by the kernel: ${unguarded}`
  const same = compared === 0 ? 'not compared yet' : `the same as the leader's up to ${compared}`
  const facts: readonly (readonly [string, string])[] = [
    ['cluster', `this is ${node}, ${role}; ${leader ?? 'nobody'} leads in term ${term}`],
    ['address', address === undefined ? 'none' : `${address}, ${holder}${guard}`],
    ['priority', PRIORITIES[urgency]],
    ['state', `${applied} entries, ${same}`],
    ['last change', `${localTime(since)}: ${why}`],
    ...(dismissed === undefined ? [] : [['removed', `${dismissed}: ${ONCE_REMOVED}`] as const]),
    ...(noSnapshot === undefined
      ? []
      : [['snapshot', `who is far behind waits for one: ${noSnapshot}`] as const]),
    ...cluster.members.flatMap(({ id, differs }) =>
      differs === undefined
        ? []
        : [['settings', `${id} has ${differs}: start both with the same`] as const],
    ),
  ]
  const lines = facts.map(([name, value]) => `${name.padEnd(12)}${value}\n`).join('')
  return `${lines}\n${table(cluster.members, MEMBERS(leader))}`
}

const PRIORITIES: Readonly<Record<api.ClusterView['urgency'], string>> = {
  'real-time': 'real-time',
  raised: 'raised, not real-time: a busy machine may lose the lease (the log says why)',
  normal: 'like other programs: a busy machine may lose the lease (the log says why)',
}

const MEMBERS = (leader: string | undefined): readonly Column<api.ClusterView['members'][0]>[] => [
  { head: 'node', cell: ({ id }) => id },
  { head: 'name', cell: ({ name }) => name },
  { head: 'at', cell: ({ at }) => at },
  { head: 'connected', cell: ({ isConnected }) => (isConnected ? 'yes' : 'no') },
  { head: 'behind', cell: ({ lag }) => (lag === undefined ? '?' : grouped(lag)) },
  { head: 'files', cell: ({ missing }) => filesText(missing) },
  // Last: what it lacks may be long.
  { head: 'is', cell: (member) => memberText(member, leader) },
]

function filesText(missing: number | undefined): string {
  if (missing === undefined) return '?'
  return missing === 0 ? 'all' : `${grouped(missing)} to come`
}

function secretText({ extension, domain, password }: api.ExtensionSecret): string {
  return `${extension}@${domain} password ${password}\n`
}

// ---- extensions --------------------------------------------------------------------------------

function named({ user, domain }: UserName): { extension: string; domain: string | undefined } {
  return { extension: user, domain }
}

function transferredText({ leader }: { readonly leader: string }): string {
  return `${leader} leads now\n`
}

/** It is out as far as the others can tell, and that is not far. */
function removedText({ removed }: { readonly removed: string }): string {
  return [
    `removed ${removed}. Its host still has the keys of the cluster, and every password:`,
    'stop it and wipe its data. If it was stolen or broken into, removing does not keep it out:',
    'make a new cluster from a backup, and set new passwords.',
    '',
  ].join('\n')
}

/** The path names a domain; without one it is the first there is. */
async function extensionPath(client: Client, { user, domain }: UserName): Promise<string> {
  const known = domain ?? (await firstDomain(client)) ?? ''
  return `/extensions/${encodeURIComponent(known)}/${encodeURIComponent(user)}`
}

/** A server of one role has none, and says then what it is. */
async function firstDomain(client: Client): Promise<string | undefined> {
  return (await client.call<Partial<api.Status>>('GET', '/status')).domains?.[0]
}

async function passwordOf(password: Password, { stdin }: Terminal): Promise<string | undefined> {
  if (password.kind === 'generated') return undefined
  if (password.kind === 'given') return password.password
  return firstLine(stdin, 'password')
}
