import type { Host } from '../base/host.ts'
import { millis } from '../base/time.ts'

/** By the host's clock. */
export function pause(host: Pick<Host, 'now' | 'wake'>, ms: number): Promise<void> {
  return new Promise((resolve) => void host.wake(millis(host.now() + ms), resolve))
}
