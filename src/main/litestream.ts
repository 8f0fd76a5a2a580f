//! Litestream, composed: its settings and credentials, and what is measured of it.

import { readFileSync, statSync } from 'node:fs'
import type { Host } from '../base/host.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Config } from '../config/config.ts'
import { ConfigFault } from '../config/data-directory.ts'
import type { Installation } from '../config/installation.ts'
import { type Credentials, parseCredentials } from '../litestream/config.ts'
import { Litestream } from '../litestream/litestream.ts'
import type { Metrics } from '../observe/metrics.ts'

/** As a store that is alone names its node. */
const ALONE = 'node-1'

export type LitestreamOptions = {
  readonly config: Config
  readonly installation: Installation
  readonly host: Host
  readonly metrics: Metrics
  readonly cluster: Cluster | undefined
  readonly credentials: Credentials
}

/** Throws `ConfigFault` for a file of them that cannot be read. */
export function litestreamCredentials({ litestream: { url, credentials } }: Config): Credentials {
  return url === undefined || credentials === undefined ? {} : readCredentials(credentials)
}

/** Undefined when nobody asked for it, or when it cannot be had: phones do not wait for that. */
export function openLitestream(options: LitestreamOptions): Litestream | undefined {
  const { config, installation, host, metrics, cluster, credentials } = options
  const { url, program } = config.litestream
  if (url === undefined) return undefined
  const node = cluster?.self.id ?? ALONE
  const { workers, sqlite: addon } = installation
  const parts = { host, data: config.data, url, node, credentials, program, addon }
  let litestream: Litestream
  try {
    litestream = new Litestream({ ...parts, worker: workers.image })
  } catch (error) {
    const mend = `make room in ${config.data}, and start pbx again`
    host.log('error', 'litestream.not-begun', { why: String(error), effect: 'no replica', mend })
    return undefined
  }
  metrics.gauge('litestream_up', 'Whether litestream runs: 1 or 0.', () => {
    return litestream.status.state === 'running' ? 1 : 0
  })
  metrics.gauge('litestream_restarts', 'How often it was started again.', () => {
    return litestream.status.restarts
  })
  metrics.gauge('litestream_copy_age_seconds', 'Since it was given the newest state.', () => {
    const { copiedAt } = litestream.status
    return copiedAt === undefined ? Number.NaN : (host.wall() - copiedAt) / 1000
  })
  return litestream
}

function readCredentials(file: string): Credentials {
  const setting = `litestream-credentials ${file}`
  let text: string
  try {
    if ((statSync(file).mode & 0o077) !== 0)
      throw new ConfigFault(`${setting} can be read by others: run chmod 600 ${file}`)
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof ConfigFault) throw error
    const because = error instanceof Error ? error.message : String(error)
    throw new ConfigFault(`${setting} cannot be read: ${because}`)
  }
  const parsed = parseCredentials(text)
  if (parsed.ok) return parsed.value
  throw new ConfigFault(`${setting}: ${parsed.error}`)
}
