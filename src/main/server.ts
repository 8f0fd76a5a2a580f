//! The server, composed: configuration → store → what serves, each opened after what it needs and
//! closed before it. In a cluster what serves comes and goes (`node.ts`).

import { dieOfBugs, end, superviseServer } from '../cli/server-process.ts'
import { isOfServer } from '../cluster/join/ask-server.ts'
import { readCluster, type ClusterSettings } from '../cluster/settings.ts'
import { isAny } from '../config/addresses.ts'
import type { Config } from '../config/config.ts'
import { claimDataDirectory, ConfigFault } from '../config/data-directory.ts'
import { findInstallation, type Installation } from '../config/installation.ts'
import { LogKeeper } from '../files/log-keeper.ts'
import type { Host } from '../base/host.ts'
import { openLog, type OpenLog } from '../observe/log.ts'
import { realHost } from '../observe/real-host.ts'
import type { StoreFault } from '../store/errors.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'
import { openMediaServer } from './media-server.ts'
import { Drain } from './drain.ts'
import { openNode } from './node.ts'
import { Opened } from './opened.ts'
import { prepare } from './prepared.ts'
import { openServing } from './serving.ts'
import { boundYoungGeneration } from './young-generation.ts'

/** Runs until it is told to stop; settings that do not fit this host end it with 2. */
export async function runServer(given: Config): Promise<void> {
  const config = asItsNode(given)
  const logs = new LogKeeper()
  const shown = openLog(logOptions(config))
  // A server of one role has no files.
  const { log, flush } = config.join === undefined ? keeping(shown, config, logs) : shown
  dieOfBugs(log, flush)
  boundYoungGeneration()
  const opened = new Opened()
  try {
    const healthy = await open(config, { log, flush, logs }, opened)
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
  { log, flush, logs }: OpenLog & { readonly logs: LogKeeper },
  opened: Opened,
): Promise<() => Promise<boolean>> {
  const release = await claimDataDirectory(config.data)
  opened.add(release)
  const installation = await findInstallation()
  const host = realHost(log)
  // Nothing can be acknowledged any more: whoever supervises us starts anew, or calls for help.
  const onFault = (fault: StoreFault): void => {
    log('error', 'store.failed', { code: fault.code, error: fault.message })
    end(flush, fault.exitCode)
  }
  if (config.join !== undefined)
    return openMediaServer({ config, join: config.join, installation, host }, opened)
  if (isOfServer(config.data)) {
    const mend = 'start it with --role and --join, or name an empty directory with --data'
    throw new ConfigFault(`${config.data} is of a server of one role: ${mend}`)
  }
  const files = readCluster(config.data)
  if (files !== undefined) {
    refuseAddress(config, files.settings)
    const node = await openNode({ config, installation, host, files, onFault, logs })
    opened.add(() => node.close())
    return node.healthy
  }
  const store = await openDatabase(config, installation, host, onFault)
  opened.add(() => store.close())
  const drain = new Drain({ host, data: config.data })
  const parts = { config, installation, host, drain, store, cluster: undefined }
  const serving = await openServing({ ...parts, prepared: await prepare(parts), logs })
  opened.add(() => serving.close())
  return serving.healthy
}

/** A node goes by the name that it has joined by, in its log too; what is wrong is told later. */
function asItsNode(config: Config): Config {
  if (config.join !== undefined) return config
  try {
    const name = readCluster(config.data)?.settings.self.name
    return name === undefined ? config : { ...config, name }
  } catch {
    return config
  }
}

/** The console would be where nobody looks for it, once this node serves. */
function refuseAddress({ address }: Config, { vip }: ClusterSettings): void {
  if (vip === undefined || isAny(address)) return
  throw new ConfigFault(
    `address ${address}: a node of a cluster is reached by the virtual address ` +
      `(${vip.addresses.map((each) => each.address).join(', ')}): take address out of the settings`,
  )
}

/** All that is logged is kept as well, as JSON. */
function keeping({ log, flush }: OpenLog, config: Config, logs: LogKeeper): OpenLog {
  const { logLevel: level, name: node } = config
  const kept = openLog({ level, node, format: 'json', write: logs.take })
  return {
    flush,
    log(at, event, fields) {
      log(at, event, fields)
      kept.log(at, event, fields)
    },
  }
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
  onFault: (fault: StoreFault) => void,
): Promise<Store> {
  return openStore({
    host,
    directory: config.data,
    onFault,
    ...(workers.store === undefined ? {} : { worker: workers.store }),
    ...(sqlite === undefined ? {} : { addon: sqlite }),
  })
}
