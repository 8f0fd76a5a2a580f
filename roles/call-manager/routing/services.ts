//! Numbers that the system answers itself. Data only: what is heard is a media source.

import { millis } from '../../../src/base/time.ts'
import type { MediaSource } from '../../../src/control/media-control.ts'

export type Service = {
  readonly number: string
  readonly name: string
  readonly source: MediaSource
}

export const SERVICES: readonly Service[] = [
  { number: '*43', name: 'Echo test', source: { kind: 'echo' } },
  {
    // 1004 Hz, the milliwatt's frequency (ITU-T O.133): 20 ms of it are no whole number of periods.
    number: '*44',
    name: 'Milliwatt',
    source: { kind: 'tone', frequencies: [1004], level: -6, cadence: [] },
  },
]

const BY_NUMBER = new Map(SERVICES.map((service) => [service.number, service]))

export function serviceAt(dialled: string): Service | undefined {
  return BY_NUMBER.get(dialled)
}

/** Longest time a caller hears a prompt before the final answer comes regardless. */
export const PROMPT_LIMIT = millis(20_000)
