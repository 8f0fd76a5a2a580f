//! What serving needs and takes long to open, opened ahead: the media worker, the SIP sockets, the
//! console's routes. A node that stands by has this ready, so that all it does when it is
//! elected is to read the store. Nothing is answered before it serves: the stack has no user yet,
//! and the doors are shut. The sockets are on an address that is not here yet.

import { Backups } from '../backup/backups.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Config } from '../config/config.ts'
import type { Installation } from '../config/installation.ts'
import { ChunkStore } from '../files/chunk-store.ts'
import { Files } from '../files/files.ts'
import type { Host } from '../base/host.ts'
import type { Credentials } from '../litestream/config.ts'
import { Metrics } from '../observe/metrics.ts'
import type { Store } from '../store/store.ts'
import type { Identity } from '../x509/issue.ts'
import type { MediaRole } from '../../roles/media/role.ts'
import type { Drain } from './drain.ts'
import { ownIdentity } from './identity.ts'
import { prepareConsole, type PreparedConsole } from './console.ts'
import { openOrClose, type Opened } from './opened.ts'
import { litestreamCredentials } from './litestream.ts'
import { openMedia } from './roles.ts'
import { openSip, type Sip } from './sip.ts'

export type PrepareOptions = {
  readonly config: Config
  readonly installation: Installation
  readonly host: Host
  readonly store: Store
  readonly cluster: Cluster | undefined
  readonly drain: Drain
}

export type Prepared = {
  /** As phones see this system: they know no address but the virtual one, where there is one. */
  readonly served: Config
  readonly metrics: Metrics
  readonly media: MediaRole
  readonly sip: Sip
  readonly backups: Backups
  readonly files: Files
  readonly console: PreparedConsole
  /** Of litestream. */
  readonly credentials: Credentials
  /** When it comes to nothing. */
  readonly discard: () => Promise<void>
}

/** Rejects with what does not fit this host; then nothing is left open. */
export function prepare(options: PrepareOptions): Promise<Prepared> {
  return openOrClose((opened) => open(options, opened))
}

async function open(options: PrepareOptions, opened: Opened): Promise<Prepared> {
  const { config, installation, host, store, cluster } = options
  const credentials = litestreamCredentials(config)
  const served = cluster?.vip === undefined ? config : { ...config, address: cluster.vip }
  const metrics = new Metrics(config.name)
  const vips = cluster?.vips ?? []
  const also = vips[1]
  const identity = ownIdentity(config, cluster)
  const sip = await openSip({
    config: served,
    addresses: vips.length > 0 ? vips : [served.address],
    installation,
    host,
    metrics,
    identity,
    hasSuccessor: vips.length > 0,
  })
  opened.add(() => sip.close())
  const media = await openMedia({ config: served, also, installation, host, metrics })
  opened.add(() => media.stop())
  // The console is there for every address.
  const backups = openBackups(options, identity)
  const files = new Files({ host, store, chunks: new ChunkStore(config.data) })
  const shown = { metrics, identity, sip, backups, files }
  const console = await prepareConsole({ ...options, ...shown })
  opened.add(() => console.discard())
  const discard = (): Promise<void> => opened.close()
  return { served, metrics, media, sip, backups, files, console, credentials, discard }
}

function openBackups(
  { config, installation, host, store }: PrepareOptions,
  tls: Identity,
): Backups {
  return new Backups({
    host,
    store,
    tls,
    data: config.data,
    name: config.name,
    version: installation.version,
    worker: installation.workers.image,
    addon: installation.sqlite,
  })
}
