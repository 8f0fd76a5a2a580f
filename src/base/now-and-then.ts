import type { Fields, Host } from './host.ts'

export type Warn = (event: string, fields: Fields) => void

const EVERY_MS = 10_000

/** Of what goes wrong all the time: a warning is logged, and in the next ten seconds no other. */
export function nowAndThen({ now, log }: Pick<Host, 'now' | 'log'>): Warn {
  let saidAt = Number.NEGATIVE_INFINITY
  return (event, fields) => {
    if (now() - saidAt < EVERY_MS) return
    saidAt = now()
    log('warn', event, fields)
  }
}
