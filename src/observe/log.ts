//! Event lines: one JSON object a line on stdout, or, for a person at a terminal, plain text.
//! Values under secret-looking names never leave.

import { pino } from 'pino'
import type { Fields, Log, LogLevel } from '../base/host.ts'

export type LogOptions = {
  readonly level: LogLevel
  /** Name of this server, on every line. */
  readonly node: string
  readonly format: 'json' | 'text'
  /** Where lines go; file descriptor 1 when absent. */
  readonly write?: (line: string) => void
}

export type OpenLog = {
  readonly log: Log
  /** Writes out what is buffered: the last thing a process does. */
  readonly flush: () => void
}

const SECRET = /password|passwd|secret|token|authorization|cookie|ha1/i
const REDACTED = '[redacted]'

/** How much may wait for a reader of stdout that has stalled; what comes above is dropped. */
const BUFFER_MAX = 16 * 1024 * 1024

export function openLog(options: LogOptions): OpenLog {
  return options.format === 'json' ? openJson(options) : openText(options)
}

function openJson({ level, node, write }: LogOptions): OpenLog {
  const settings = {
    level,
    base: { node },
    messageKey: 'event',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  if (write !== undefined) {
    const logger = pino(settings, { write })
    return { log: (at, event, fields) => logger[at](redacted(fields), event), flush: () => {} }
  }
  const out = pino.destination({ fd: 1, sync: false, maxLength: BUFFER_MAX })
  const logger = pino(settings, out)
  return {
    log: (at, event, fields) => logger[at](redacted(fields), event),
    flush: () => out.flushSync(),
  }
}

const ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']
const COLOUR: Readonly<Record<LogLevel, string>> = {
  debug: '\u001b[2m',
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m',
}
const PLAIN = '\u001b[0m'

function openText(options: LogOptions): OpenLog {
  const write = options.write ?? ((line: string) => void process.stdout.write(line))
  const least = ORDER.indexOf(options.level)
  const coloured = process.stdout.isTTY && options.write === undefined
  const log: Log = (level, event, fields) => {
    if (ORDER.indexOf(level) < least) return
    const time = new Date().toISOString().slice(11, 23)
    const told = Object.entries(redacted(fields)).filter(([, value]) => value !== undefined)
    const text = told.map(([key, value]) => ` ${key}=${shown(value)}`).join('')
    const padded = level.padEnd(5)
    const shownLevel = coloured ? `${COLOUR[level]}${padded}${PLAIN}` : padded
    write(`${time} ${shownLevel} ${event}${text}\n`)
  }
  return { log, flush: () => {} }
}

function shown(value: Fields[string]): string {
  const text = String(value)
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}

function redacted(fields: Fields | undefined): Fields {
  if (fields === undefined) return {}
  if (!Object.keys(fields).some((key) => SECRET.test(key))) return fields
  const hide = ([key, value]: [string, Fields[string]]): [string, Fields[string]] =>
    SECRET.test(key) && value !== undefined ? [key, REDACTED] : [key, value]
  return Object.fromEntries(Object.entries(fields).map(hide))
}
