import type { Random } from './random.ts'
import type { Millis, WallTime } from './time.ts'

/** What a host lends to code that must live in real time. State machines receive none of it. */
export type Host = {
  readonly now: () => Millis
  readonly wall: () => WallTime
  readonly random: Random
  /** Runs `run` once, at or soon after `at`. */
  readonly wake: (at: Millis, run: () => void) => Cancel
  readonly log: Log
}

export type Cancel = () => void

/** One line is one event, `noun.verbed`. No secrets, no message bodies above debug. */
export type Log = (level: LogLevel, event: string, fields?: Fields) => void
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>

/** News for whoever listens; control goes by calls. */
export type Subscribe<Event> = (listener: (event: Event) => void) => Cancel
