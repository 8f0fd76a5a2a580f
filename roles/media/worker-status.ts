//! What a media worker says of itself, asked all the time.

import type { Host } from '../../src/base/host.ts'
import { after, seconds } from '../../src/base/time.ts'
import type { MediaCarrier } from '../../src/media/by-requests.ts'
import type { MediaStatus } from '../../src/media/protocol.ts'

const EVERY = seconds(1)

export type WorkerStatus = {
  /** At most a second old; undefined while the worker cannot be reached. */
  readonly newest: () => MediaStatus | undefined
  readonly stop: () => void
}

/** Resolves with the first answer. */
export async function watchStatus(
  host: Host,
  worker: Pick<MediaCarrier, 'ask'>,
): Promise<WorkerStatus> {
  let newest: MediaStatus | undefined
  let stopped = false
  const refresh = async (): Promise<void> => {
    const answer = await worker.ask({ method: 'status' })
    newest = answer === 'unreachable' ? undefined : answer
    if (!stopped) host.wake(after(host.now(), EVERY), () => void refresh())
  }
  await refresh()
  return { newest: () => newest, stop: () => void (stopped = true) }
}
