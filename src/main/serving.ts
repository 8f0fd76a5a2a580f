//! What serves phones and people: SIP, the roles and the console over a store that accepts writes.
//! Of a cluster one node has this at a time.

import { setImmediate as turn } from 'node:timers/promises'
import { greetingText } from '../cli/greeting.ts'
import type { FlowNews } from '../cluster/flows.ts'
import { hostAddresses } from '../config/addresses.ts'
import { FIRST_DOMAIN } from '../config/options.ts'
import { removeRunFile } from '../config/run-file.ts'
import { issueClaim } from '../console/claim.ts'
import { prepareDomains } from '../console/first-start.ts'
import type { LogKeeper } from '../files/log-keeper.ts'
import { keepLogs } from './files.ts'
import { openLitestream } from './litestream.ts'
import { tellFlows } from './flow-news.ts'
import { openOrClose, type Opened } from './opened.ts'
import type { PrepareOptions, Prepared } from './prepared.ts'
import { openRoles } from './roles.ts'
import { sayRunning } from './running.ts'

export type ServingOptions = PrepareOptions & {
  /** Its own from now on: it ends with this. */
  readonly prepared: Prepared
  /** In a cluster: that it was elected in. */
  readonly term?: number | undefined
  /** Closes what has the console's ports until then. */
  readonly vacate?: () => Promise<void>
  /** Takes all that is logged. */
  readonly logs: LogKeeper
}

/** To carry away the last changes. */
const LITESTREAM_GRACE_MS = 5_000

export type Serving = {
  readonly healthy: () => Promise<boolean>
  /** Calls get some time to end. */
  readonly close: () => Promise<void>
  /** Another node goes on with everything: lets go of it at once. */
  readonly abandon: () => Promise<void>
}

/** Rejects with what does not fit this host; then nothing is left open. */
export function openServing(options: ServingOptions): Promise<Serving> {
  return openOrClose((opened) => open(options, opened))
}

async function open(options: ServingOptions, opened: Opened): Promise<Serving> {
  const { config, installation, store, host, cluster, drain, prepared } = options
  const { served, metrics, sip, media } = prepared
  opened.add(() => prepared.discard())
  const tell = (news: FlowNews): void => cluster?.tellFlows(news)
  const vips = cluster?.vips ?? []
  const beSilent = tellFlows({ host, transport: sip.transport, vips, tell })
  opened.add(beSilent)
  // Phones first: they are answered from here on.
  const roles = openRoles({ ...options, config: served, metrics, sip, media })
  let isOpen = false
  opened.add(async () => {
    if (isOpen) return roles.close()
    // Whoever serves next goes on with the calls, whatever is wrong here.
    roles.letGo()
    await roles.abandon()
  })
  const admit = (): void => roles.calls.admit(drain.admitsCalls)
  admit()
  const unadmit = drain.changed(admit)
  opened.add(unadmit)
  // What has come meanwhile is answered before the rest is opened.
  await turn()
  await options.vacate?.()
  const kept = keepLogs({ ...options, metrics, files: prepared.files })
  opened.add(() => kept.end('seal'))
  const litestream = openLitestream({ ...options, metrics, credentials: prepared.credentials })
  opened.add(() => litestream?.stop(LITESTREAM_GRACE_MS))
  await prepared.backups.begin()
  const shown = await prepared.console.open({ roles, litestream })
  opened.add(() => shown.close())
  // Made when nothing can keep them from being shown any more: they are shown once.
  const demo = await prepareDomains(store, host, config.domain, FIRST_DOMAIN)
  const claim = await issueClaim(store, host)
  const addresses = hostAddresses(served.address, config.publicAddress)
  const local = config.address === served.address ? addresses.local : '127.0.0.1'
  sayRunning(host, config.data, local, shown.httpPort)
  opened.add(() => removeRunFile(config.data))
  const { version } = installation
  const { data } = config
  host.log('info', 'server.started', { version, roles: config.roles.join(','), data })
  process.stdout.write(
    greetingText({
      version,
      claim,
      demo,
      roles: config.roles,
      data,
      address: addresses.main,
      httpPort: shown.httpPort,
      httpsPort: shown.httpsPort,
      sipPort: sip.port('udp'),
      sipTlsPort: sip.port('tls'),
    }),
  )
  isOpen = true
  return {
    healthy: shown.healthy,
    close: () => opened.close(),
    async abandon() {
      beSilent()
      unadmit()
      // At once: what it would still write of a call may not be so where that goes on, and this
      // node may lead again before its sockets are closed.
      roles.letGo()
      await Promise.all([sip.close(), shown.close('abrupt')])
      await Promise.all([roles.abandon(), litestream?.stop(0), kept.end('abandon')])
    },
  }
}
