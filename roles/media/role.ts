//! The media role: a worker thread that carries the sound, offered to the other roles as
//! `MediaControl`, and its figures for `/metrics`.

import type { Host } from '../../src/base/host.ts'
import { ok, type Result } from '../../src/base/result.ts'
import { millis, seconds, type Millis } from '../../src/base/time.ts'
import type { MediaCarrier } from '../../src/media/by-requests.ts'
import { startMedia, type MediaClient } from '../../src/media/client.ts'
import type { MediaStatus, WorkerSetup } from '../../src/media/protocol.ts'
import type { Metrics } from '../../src/observe/metrics.ts'
import { watchStatus } from './worker-status.ts'

export type MediaRoleOptions = {
  /** `0.0.0.0` and `::` are every address of the host. */
  readonly address: string
  /** One more, of the other family. */
  readonly also?: string | undefined
  /** What phones out on the Internet are told, when the host is behind a 1:1 NAT. */
  readonly publicAddress: string | undefined
  readonly rtpPorts: { readonly first: number; readonly last: number }
  /** The native add-on's file; undefined for plain sockets. */
  readonly native: string | undefined
  /** The worker's program; undefined when it lies in the source tree. */
  readonly worker: string | undefined
  /** WAV files by name without `.wav`. */
  readonly prompts: WorkerSetup['prompts']
  /** How long a leg may be silent before `rtp-timeout`; 30 s when left out. */
  readonly silenceLimit?: Millis
  readonly host: Host
  readonly metrics: Metrics
}

export type MediaRole = {
  readonly carrier: MediaCarrier
  /** At most a second old; undefined while the worker cannot be reached. */
  readonly status: () => MediaStatus | undefined
  /** Takes no new sessions; resolves when the last one is released, or at `deadline`. */
  readonly drain: (deadline: Millis) => Promise<void>
  readonly stop: () => Promise<void>
}

const SILENCE_LIMIT = seconds(30)

/** The error says what to change: an address that is not this host's, ports that are taken. */
export async function startMediaRole(
  options: MediaRoleOptions,
): Promise<Result<MediaRole, string>> {
  const { host, metrics, worker } = options
  const setup: WorkerSetup = {
    addresses: {
      bind: options.address,
      also: options.also,
      publicAddress: options.publicAddress,
    },
    ports: options.rtpPorts,
    silenceLimit: options.silenceLimit ?? SILENCE_LIMIT,
    nativePath: options.native,
    prompts: options.prompts,
  }
  const started = await startMedia({
    host,
    setup,
    ...(worker === undefined ? {} : { entry: worker }),
  })
  if (!started.ok) return started
  const client = started.value
  const status = await watchStatus(host, client)
  describe(metrics, status.newest)
  return ok({
    carrier: client,
    status: status.newest,
    drain: (deadline) => drain(client, host, deadline),
    stop: async () => {
      status.stop()
      await client.stop()
    },
  })
}

async function drain(client: MediaClient, host: Host, deadline: Millis): Promise<void> {
  await client.drain()
  while (host.now() < deadline) {
    const status = await client.status()
    if (status === undefined || status.sessions === 0) return
    await new Promise<void>((resolve) => {
      host.wake(millis(Math.min(deadline, host.now() + 200)), resolve)
    })
  }
}

function describe(metrics: Metrics, status: () => MediaStatus | undefined): void {
  metrics.gauge('media_up', 'Whether the media worker can be reached', () =>
    status() === undefined ? 0 : 1,
  )
  metrics.gauge('media_sessions', 'Legs with sound', () => status()?.sessions ?? 0)
  metrics.gauge('media_playing', 'Legs fed with a tone or prompt', () => status()?.playing ?? 0)
  metrics.gaugeBy('media_port_pairs', 'RTP and RTCP port pairs', 'state', () => {
    return status()?.ports ?? {}
  })
  metrics.gaugeBy('media_packets', 'Datagrams since the worker started', 'kind', () => {
    return status()?.packets ?? {}
  })
  metrics.gauge('media_frames_skipped', 'Paced frames let go under load', () => {
    return status()?.framesSkipped ?? 0
  })
}
