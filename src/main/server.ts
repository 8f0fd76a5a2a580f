//! The server, composed: configuration → store → roles → transports → console, each opened after
//! what it needs and closed before it.

import { greetingText } from '../cli/greeting.ts'
import { dieOfBugs, end, superviseServer } from '../cli/server-process.ts'
import { hostAddresses } from '../config/addresses.ts'
import type { Config } from '../config/config.ts'
import { claimDataDirectory } from '../config/data-directory.ts'
import { findInstallation, type Installation } from '../config/installation.ts'
import { FIRST_DOMAIN } from '../config/options.ts'
import { removeRunFile, writeRunFile } from '../config/run-file.ts'
import { issueClaim } from '../console/claim.ts'
import { prepareDomains } from '../console/first-start.ts'
import { loadIdentity } from '../http/certificate.ts'
import type { Host } from '../base/host.ts'
import { Metrics } from '../observe/metrics.ts'
import { openLog, type OpenLog } from '../observe/log.ts'
import { realHost } from '../observe/real-host.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'
import { openConsole } from './console.ts'
import { openRoles } from './roles.ts'
import { openSip } from './sip.ts'
import { boundYoungGeneration } from './young-generation.ts'
import { Opened } from './opened.ts'

/** Runs until it is told to stop; settings that do not fit this host end it with 2. */
export async function runServer(config: Config): Promise<void> {
  const { log, flush } = openLog(logOptions(config))
  dieOfBugs(log, flush)
  boundYoungGeneration()
  const opened = new Opened()
  try {
    const healthy = await open(config, { log, flush }, opened)
    superviseServer({ log, flush, healthy, close: () => opened.close() })
  } catch (fault) {
    await opened.close()
    const message = fault instanceof Error ? fault.message : String(fault)
    const known = fault instanceof Error && 'exitCode' in fault ? fault.exitCode : undefined
    if (typeof known !== 'number') throw fault
    process.stderr.write(`pbx: ${message}\n`)
    end(flush, known)
  }
}

async function open(
  config: Config,
  { log, flush }: OpenLog,
  opened: Opened,
): Promise<() => Promise<boolean>> {
  const release = await claimDataDirectory(config.data)
  opened.add(release)
  const installation = await findInstallation()
  const host = realHost(log)
  const metrics = new Metrics(config.name)
  const store = await openDatabase(config, installation, host, flush)
  opened.add(() => store.close())
  const addresses = hostAddresses(config.address, config.publicAddress)
  const names = config.domain === undefined ? [] : [config.domain]
  const identity = {
    names: [...names, ...addresses.names],
    ...loadIdentity(config.tls, config.data, [...names, ...addresses.names], new Date()),
  }
  const sip = await openSip({ config, installation, host, metrics, identity })
  opened.add(() => sip.close())
  const roles = await openRoles({ config, installation, host, metrics, store, sip })
  opened.add(() => roles.close())
  const shown = await openConsole({
    config,
    installation,
    host,
    metrics,
    store,
    identity,
    sip,
    roles,
  })
  opened.add(() => shown.close())
  // Made when nothing can keep them from being shown any more: they are shown once.
  const demo = await prepareDomains(store, host, config.domain, FIRST_DOMAIN)
  const claim = await issueClaim(store, host)
  const url = (address: string): string => (address.includes(':') ? `[${address}]` : address)
  const api = `http://${url(addresses.local)}:${shown.httpPort}`
  writeRunFile(config.data, { pid: process.pid, api })
  opened.add(() => removeRunFile(config.data))
  const { version } = installation
  log('info', 'server.started', { version, roles: config.roles.join(','), data: config.data })
  process.stdout.write(
    greetingText({
      version,
      claim,
      demo,
      roles: config.roles,
      data: config.data,
      address: addresses.main,
      httpPort: shown.httpPort,
      httpsPort: shown.httpsPort,
      sipPort: sip.port('udp'),
      sipTlsPort: sip.port('tls'),
    }),
  )
  return shown.healthy
}

function logOptions(config: Config): Parameters<typeof openLog>[0] {
  const auto = process.stdout.isTTY ? 'text' : 'json'
  const format = config.logFormat === 'auto' ? auto : config.logFormat
  return { level: config.logLevel, node: config.name, format }
}

function openDatabase(
  config: Config,
  { workers, sqlite }: Installation,
  host: Host,
  flush: () => void,
): Promise<Store> {
  return openStore({
    host,
    directory: config.data,
    // Nothing can be acknowledged any more: whoever supervises us starts anew, or calls for help.
    onFault(fault) {
      host.log('error', 'store.failed', { code: fault.code, error: fault.message })
      end(flush, fault.exitCode)
    },
    ...(workers.store === undefined ? {} : { worker: workers.store }),
    ...(sqlite === undefined ? {} : { addon: sqlite }),
  })
}
