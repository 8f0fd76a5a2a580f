//! What a soak prints: a line every ten seconds, and what held in the end.

import type { Load } from './load.ts'
import type { Figures } from './metrics.ts'
import type { Settings } from './settings.ts'
import type { Tally } from './tally.ts'
import { trend, type Watch } from './watch.ts'

export type Finding = { readonly name: string; readonly detail: string; readonly ok: boolean }

export type Evidence = {
  readonly settings: Settings
  readonly load: Load
  readonly watch: Watch
  /** What has not come to rest. */
  readonly rest: readonly string[]
  readonly records: { readonly records: number; readonly wrong: Tally }
  readonly before: Figures
  readonly after: Figures
  /** Lines of the product's log above `info`. */
  readonly log: readonly string[]
}

/** Before that, what grows may still be caches and pages filling up for the first time. */
const MINUTES_TO_JUDGE = 20
/** Of RSS over the last two thirds, whichever is more. */
const GROWTH_SHARE = 0.03
const GROWTH_MIB = 12
const FILES_GROWTH = 20

export function progressLine(
  seconds: number,
  { calls, registrations }: Load,
  watch: Watch,
): string {
  const { last } = watch
  const called = calls.answerTimes.take()
  const registered = registrations.times.take()
  const minutes = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds) % 60).padStart(2, '0')}`
  const ms = (value: number): string => `${value.toFixed(0)} ms`
  return [
    minutes.padStart(6),
    `calls ${calls.done} ok, ${calls.failed} failed, ${calls.open} open`,
    `answer p99 ${ms(called.p99)}`,
    `registrations ${registrations.done} ok, ${registrations.failures.total} failed`,
    `p50 ${ms(registered.p50)} p99 ${ms(registered.p99)}`,
    `turned away ${calls.turnedAway + registrations.turnedAway}`,
    `sent again ${calls.sentAgain + registrations.sentAgain}`,
    last === undefined
      ? 'no figures yet'
      : `RSS ${last.resident.toFixed(0)} MiB heap ${last.heap.toFixed(0)} ` +
        `external ${last.external.toFixed(0)}, ${last.files} files, ` +
        `lag p99 ${ms(last.lag)} max ${ms(last.lagMax)}, ` +
        `CPU withheld ${percent(last.withheld)}`,
  ].join(' | ')
}

export function summary(evidence: Evidence): readonly Finding[] {
  const { load, rest, records, log, watch } = evidence
  const { calls, registrations } = load
  const errors = log.filter((line) => !line.includes('"level":"warn"'))
  return [
    finding('calls', `${calls.done} ended as planned, ${calls.failed} failed`, [
      ...calls.failures.lines(),
      ...(calls.done === 0 ? ['none ended as planned'] : []),
    ]),
    finding('registrations', `${registrations.done} done`, registrations.failures.lines()),
    turnedAway(evidence),
    finding('records', `${records.records} records`, records.wrong.lines()),
    finding('at rest', 'no call, transaction, session or port is left', rest),
    resident(evidence),
    files(watch),
    finding('log', `${log.length} warnings`, [...errors.slice(0, 5), ...bugs(evidence.after)]),
    ...notes(evidence),
  ]
}

function finding(name: string, good: string, bad: readonly string[]): Finding {
  return { name, detail: [good, ...bad].join('\n       '), ok: bad.length === 0 }
}

/** 503 with Retry-After: phones come back. On a machine of its own nobody may have to. */
function turnedAway({ load: { calls, registrations }, settings }: Evidence): Finding {
  const total = calls.turnedAway + registrations.turnedAway
  const detail = `${calls.turnedAway} calls, ${registrations.turnedAway} registrations`
  return { name: 'turned away', detail, ok: settings.shared || total === 0 }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`
}

function resident({ watch, settings }: Evidence): Finding {
  const { perHour, mean, growth } = trend(watch.samples, ({ resident }) => resident)
  const heap = trend(watch.samples, ({ heap }) => heap)
  const first = watch.samples[0]?.resident ?? 0
  const detail =
    `${first.toFixed(0)} MiB at first, ${mean.toFixed(0)} on average, ` +
    `${perHour.toFixed(1)} MB/hour (heap ${heap.perHour.toFixed(1)})`
  const isFlat = growth <= Math.max(GROWTH_MIB, mean * GROWTH_SHARE)
  if (settings.minutes < MINUTES_TO_JUDGE)
    return { name: 'RSS', detail: `${detail}: too short to judge`, ok: true }
  return { name: 'RSS', detail: `${detail}: ${isFlat ? 'flat' : 'it grows'}`, ok: isFlat }
}

function files({ samples }: Watch): Finding {
  const { mean, growth } = trend(samples, ({ files }) => files)
  const last = samples.at(-1)?.files ?? 0
  const detail = `${last} open, ${mean.toFixed(0)} on average, trend ${growth.toFixed(1)}`
  const judged = samples.length > 100
  return { name: 'files', detail, ok: !judged || growth < FILES_GROWTH + mean * GROWTH_SHARE }
}

function bugs(figures: Figures): readonly string[] {
  const names = ['sip_events_total bugs', 'call_events_total bugs', 'call_events_total unsaved']
  return names
    .filter((name) => figures.get(name) !== 0)
    .map((name) => `${name} ${figures.get(name)}`)
}

/** What is good to know, and no violation by itself: the machine may be shared. */
function notes({ before, after, load, watch, log }: Evidence): readonly Finding[] {
  const since = (name: string): number => after.get(name) - before.get(name)
  const { calls, registrations } = load
  const note = (name: string, detail: string): Finding => ({ name, detail, ok: true })
  const lag = watch.samples.map(({ lag }) => lag).toSorted((a, b) => a - b)
  const worst = Math.max(0, ...watch.samples.map(({ lagMax }) => lagMax))
  const repeated = Object.entries(calls.repeated).map(([what, count]) => `${what} ${count}`)
  const shares = watch.samples.map((sample) => sample.withheld)
  const withheld = shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length)
  const scarcest = Math.max(0, ...shares)
  const skipped = `calls ${calls.skipped}, registrations ${registrations.skipped}`
  return [
    note(
      'sent again',
      `by pbx ${since('sip_events_total retransmitted')} ` +
        `(seen: ${repeated.join(', ') || 'none'}), ` +
        `by the phones ${calls.sentAgain + registrations.sentAgain}`,
    ),
    note(
      'SIP',
      `${since('sip_events_total received')} received, ${since('sip_events_total sent')} sent, ` +
        `${since('sip_events_total overloaded')} refused by overload control, ` +
        `${since('sip_events_total timeouts')} timeouts`,
    ),
    note('sound', `${calls.packets} packets heard, ${since('media_packets relayed')} relayed`),
    note(
      'event loop',
      `lag p99 ${(lag[Math.floor(lag.length / 2)] ?? 0).toFixed(0)} ms in the middle sample, ` +
        `${(lag.at(-1) ?? 0).toFixed(0)} in the worst, at most ${worst.toFixed(0)}`,
    ),
    note('machine', `CPU withheld ${percent(withheld)} on average, ${percent(scarcest)} at worst`),
    note('not begun', `${skipped}; ${watch.missed} samples missed`),
    ...log.slice(0, 3).map((line) => note('warning', line.slice(0, 300))),
  ]
}
