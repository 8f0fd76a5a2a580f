//! The console, composed: the HTTP servers, and what they show of the roles.

import { assert } from '../base/assert.ts'
import type { Host } from '../base/host.ts'
import { millis } from '../base/time.ts'
import { consoleAddress } from '../config/addresses.ts'
import type { Config } from '../config/config.ts'
import type { Installation } from '../config/installation.ts'
import { Access } from '../console/access.ts'
import { consoleRoutes } from '../console/console.ts'
import type { DrainControl } from '../console/drain-control.ts'
import type { Contact, Endpoint, HealthCheck, SystemView } from '../console/system-view.ts'
import type { Backups } from '../backup/backups.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { CallId } from '../control/ids.ts'
import type { Files } from '../files/files.ts'
import type { Litestream } from '../litestream/litestream.ts'
import { localToken } from '../http/secrets.ts'
import type { Identity } from '../x509/issue.ts'
import { prepareHttp } from '../http/server.ts'
import type { Metrics } from '../observe/metrics.ts'
import { utf8 } from '../sip/message/text.ts'
import type { Store } from '../store/store.ts'
import type { Roles } from './roles.ts'
import type { Sip } from './sip.ts'

export type ConsoleOptions = {
  readonly config: Config
  readonly installation: Installation
  readonly host: Host
  readonly metrics: Metrics
  readonly store: Store
  readonly identity: Identity
  readonly sip: Sip
  readonly cluster: Cluster | undefined
  readonly backups: Backups
  readonly drain: DrainControl
  readonly files: Files
}

/** What it shows from when its doors are open. */
export type Shown = { readonly roles: Roles; readonly litestream: Litestream | undefined }

export type PreparedConsole = {
  /** Once. */
  readonly open: (shown: Shown) => Promise<OpenConsole>
  readonly discard: () => Promise<void>
}

export type OpenConsole = {
  readonly httpPort: number
  readonly httpsPort: number
  readonly healthy: () => Promise<boolean>
  /** What is under way may finish, unless it is to be `abrupt`. */
  readonly close: (abrupt?: 'abrupt') => Promise<void>
}

const GRACE_MS = 2_000
/** For the answer to whoever asked for it. */
const ABRUPT_MS = 200
/** Someone may ask a thousand times a second; the parts are asked at most so often. */
const HEALTH_FRESH_MS = 500
const HEALTH_PATIENCE_MS = 3_000

/** All but the ports. */
export async function prepareConsole(options: ConsoleOptions): Promise<PreparedConsole> {
  const { config, installation, host, metrics, store, identity, sip } = options
  const address = consoleAddress(config.address, options.cluster?.vips ?? [])
  const ports = { http: 0, https: 0 }
  let shown: Shown | undefined
  const view = viewOf(options, address, ports, () => {
    assert(shown !== undefined, 'the doors are shut until there is something to show')
    return shown
  })
  const context = {
    host,
    store,
    view,
    metrics,
    access: new Access(host, store, localToken(config.data)),
    name: config.name,
    version: installation.version,
    httpsPort: () => ports.https,
    cluster: options.cluster,
    backups: options.backups,
    drain: options.drain,
    files: options.files,
  }
  if (options.cluster !== undefined) measure(metrics, options.cluster)
  const prepared = await prepareHttp({
    address,
    httpPort: config.httpPort,
    httpsPort: config.httpsPort,
    identity,
    metrics,
    log: host.log,
    routes: (app) => consoleRoutes(app, context),
    onUpgrade: ({ request, socket, head, secure }) =>
      sip.transport.handleUpgrade(request, socket, head, secure),
  })
  return {
    discard: () => prepared.discard(),
    async open(given) {
      shown = given
      const http = await prepared.listen()
      ports.http = http.httpPort
      ports.https = http.httpsPort
      return {
        httpPort: http.httpPort,
        httpsPort: http.httpsPort,
        healthy: async () => (await view.health()).every(({ ok }) => ok),
        close: (abrupt) => http.close(abrupt === undefined ? GRACE_MS : ABRUPT_MS),
      }
    },
  }
}

function measure(metrics: Metrics, cluster: Cluster): void {
  const applied = 'The newest entry of the log that is in the state.'
  metrics.gauge('state_applied_entry', applied, () => cluster.standing?.applied ?? 0)
  const compared = "The newest entry after which the state was found to be the leader's."
  metrics.gauge('state_compared_entry', compared, () => cluster.standing?.compared ?? 0)
}

function viewOf(
  { config, host, store, sip }: ConsoleOptions,
  address: string,
  ports: { readonly http: number; readonly https: number },
  shown: () => Shown,
): SystemView {
  const roles = (): Roles => shown().roles
  const calls = (): Roles['calls'] => roles().calls
  const location = (): Roles['calls']['location'] => calls().location
  const health = fresh(host, () => checkHealth(store, sip, roles()))
  return {
    started: host.wall(),
    roles: config.roles,
    endpoints: () => endpoints(sip, address, ports),
    health,
    get registrationCount() {
      return location().size
    },
    registrations({ domain, after, limit }) {
      const wanted = (aor: string): boolean =>
        aor > after && (domain === undefined || aor.endsWith(`@${domain}`))
      const aors = [...location().aors()].filter(wanted).sort().slice(0, limit)
      return aors.map((aor) => ({ aor: utf8(aor), contacts: contactsOf(roles(), aor, host) }))
    },
    calls: () =>
      calls()
        .calls()
        .map(({ call, caller, callee, ...rest }) => ({
          ...rest,
          id: call,
          caller: utf8(caller),
          callee: utf8(callee),
        })),
    sessionsOn: (server) => roles().sessionsOn(server),
    replication: () => shown().litestream?.status,
    hangup: (call) => calls().hangup(call as CallId, 'ended by an administrator'),
    sipCallIdsOf: sip.sipCallIdsOf,
    messagesOf: sip.messagesOf,
  }
}

function endpoints(
  { transport }: Sip,
  address: string,
  ports: { readonly http: number; readonly https: number },
): readonly Endpoint[] {
  return [
    ...transport.listening,
    { transport: 'ws', address, port: ports.http },
    { transport: 'wss', address, port: ports.https },
  ]
}

function contactsOf({ calls }: Roles, aor: string, host: Host): readonly Contact[] {
  return calls.location.bindings(aor).map((binding) => ({
    uri: utf8(binding.contact),
    transport: binding.transport,
    address: `${binding.target.host}:${binding.target.port}`,
    userAgent: utf8(binding.userAgent),
    q: binding.q / 1000,
    behindNat: binding.behindNat,
    expiresIn: Math.max(0, Math.round((binding.expiresAt - host.now()) / 1000)),
  }))
}

async function checkHealth(store: Store, sip: Sip, roles: Roles): Promise<readonly HealthCheck[]> {
  const late = new Promise<string>((resolve) => {
    setTimeout(() => resolve(`no answer in ${HEALTH_PATIENCE_MS} ms`), HEALTH_PATIENCE_MS).unref()
  })
  const asked = store
    .readLinearizable(() => undefined)
    .then((result) => {
      return result.ok ? undefined : `the store says ${result.error.kind}`
    })
  const storeFault = await Promise.race([asked, late])
  return [
    check('store', storeFault),
    check('sip', sip.transport.listening.length > 0 ? undefined : 'no socket is open'),
    check('media', roles.media.status() === undefined ? 'the worker does not answer' : undefined),
  ]
}

function check(name: string, fault: string | undefined): HealthCheck {
  return fault === undefined ? { name, ok: true } : { name, ok: false, detail: fault }
}

/** Shares one answer among those who ask within a short time. */
function fresh<T>(host: Host, ask: () => Promise<T>): () => Promise<T> {
  let kept: { readonly answer: Promise<T>; readonly until: number } | undefined
  return () => {
    const now = host.now()
    if (kept === undefined || now >= kept.until)
      kept = { answer: ask(), until: millis(now + HEALTH_FRESH_MS) }
    return kept.answer
  }
}
