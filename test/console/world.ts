//! A console over a real store and real sockets; only the live system behind it is made up.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Host } from '../../src/base/host.ts'
import { Backups } from '../../src/backup/backups.ts'
import { wallTime } from '../../src/base/time.ts'
import { Access } from '../../src/console/access.ts'
import { issueClaim } from '../../src/console/claim.ts'
import { consoleRoutes } from '../../src/console/console.ts'
import type { ConsoleContext } from '../../src/console/context.ts'
import type { LiveCall, Registration, SystemView } from '../../src/console/system-view.ts'
import { ChunkStore } from '../../src/files/chunk-store.ts'
import { Files } from '../../src/files/files.ts'
import { loadIdentity } from '../../src/http/certificate.ts'
import { Drain } from '../../src/main/drain.ts'
import { localToken } from '../../src/http/secrets.ts'
import { openHttp } from '../../src/http/server.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { realHost } from '../../src/observe/real-host.ts'
import { openStore } from '../../src/store/open.ts'
import type { TenantId } from '../../src/control/ids.ts'
import type { Store } from '../../src/store/store.ts'

export const TENANT = 'pbx.example' as TenantId

export type World = {
  readonly data: string
  readonly url: string
  readonly secureUrl: string
  readonly token: string
  readonly claim: string | undefined
  readonly store: Store
  /** What the made-up system shows; tests change it. */
  readonly live: Live
  readonly events: string[]
  api(method: string, path: string, body?: unknown): Promise<Response>
  close(): Promise<void>
}

type Live = {
  healthy: boolean
  calls: LiveCall[]
  registrations: Registration[]
  hungUp: string[]
}

/** `through` is put before the store for all but its opening. */
export async function openWorld(
  through = (store: Store): Store => store,
  more: Pick<ConsoleContext, 'patienceMs'> = {},
): Promise<World> {
  const data = mkdtempSync(join(tmpdir(), 'pbx-console-'))
  const events: string[] = []
  const host = realHost((_level, event) => void events.push(event))
  const opened = await openStore({ host, directory: data, onFault: (fault) => fail(fault) })
  const store = through(opened)
  await firstTenant(store, host)
  const live: Live = { healthy: true, calls: [], registrations: [], hungUp: [] }
  const token = localToken(data)
  const metrics = new Metrics('pbx-1')
  const identity = loadIdentity(
    { certificate: undefined, key: undefined },
    data,
    ['localhost'],
    new Date(),
  )
  const ports = { https: 0 }
  const http = await openHttp({
    address: '127.0.0.1',
    httpPort: 0,
    httpsPort: 0,
    identity,
    log: host.log,
    metrics,
    onUpgrade: ({ socket }) => void socket.destroy(),
    routes: (app) =>
      consoleRoutes(app, {
        ...more,
        host,
        store,
        view: viewOf(live, host),
        metrics,
        access: new Access(host, store, token),
        files: new Files({ host, store, chunks: new ChunkStore(data) }),
        backups: new Backups({
          host,
          store,
          data,
          name: 'pbx-1',
          version: '1.2.3',
          tls: identity,
          worker: undefined,
          addon: undefined,
        }),
        name: 'pbx-1',
        version: '1.2.3',
        cluster: undefined,
        drain: new Drain({ host, data }),
        httpsPort: () => ports.https,
      }),
  })
  ports.https = http.httpsPort
  const url = `http://127.0.0.1:${http.httpPort}`
  return {
    data,
    url,
    secureUrl: `https://127.0.0.1:${http.httpsPort}`,
    token,
    claim: await issueClaim(store, host),
    store,
    live,
    events,
    api: (method, path, body) =>
      fetch(`${url}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async close() {
      await http.close(0)
      await store.close()
      rmSync(data, { recursive: true })
    },
  }
}

function fail(fault: Error): never {
  throw fault
}

async function firstTenant(store: Store, host: Host): Promise<void> {
  const named = { name: 'pbx.example', primaryDomain: 'pbx.example' }
  await store.propose({ kind: 'tenant.put', tenant: TENANT, ...named, at: host.wall() })
  await store.propose({ kind: 'domain.add', tenant: TENANT, domain: 'alias.example' })
}

function viewOf(live: Live, host: Host): SystemView {
  return {
    started: host.wall(),
    roles: ['call-manager', 'media'],
    endpoints: () => [{ transport: 'udp', address: '127.0.0.1', port: 5060 }],
    health: async () => [
      live.healthy
        ? { name: 'store', ok: true }
        : { name: 'store', ok: false, detail: 'the <disk> is full' },
    ],
    get registrationCount() {
      return live.registrations.length
    },
    registrations: ({ domain, after, limit }) =>
      live.registrations
        .filter(({ aor }) => aor > after && (domain === undefined || aor.endsWith(`@${domain}`)))
        .slice(0, limit),
    replication: () => undefined,
    calls: () => live.calls,
    sessionsOn: () => undefined,
    hangup(call) {
      live.hungUp.push(call)
      return live.calls.some(({ id }) => id === call)
    },
    sipCallIdsOf: (call) => (live.calls.some(({ id }) => id === call) ? ['sip-1', 'sip-2'] : []),
    messagesOf: (ids) =>
      ids.includes('sip-1')
        ? [
            {
              at: wallTime(0),
              direction: 'in',
              peer: 'udp 192.0.2.7:5060',
              text: 'INVITE sip:1002@pbx SIP/2.0\r\nAuthorization: Digest response="abc"\r\n\r\n',
            },
          ]
        : [],
  }
}
