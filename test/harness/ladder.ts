//! Draws what went over the wire as a ladder: one column a party, one line a message.

import type { SipMessage } from '../../src/sip/message/message.ts'
import { textOf } from '../../src/sip/message/text.ts'
import { cseq } from '../../src/sip/message/views.ts'
import type { Millis } from '../../src/base/time.ts'

const WIDTH = 30

export type Rung = {
  readonly at: Millis
  readonly from: string
  readonly to: string
  readonly message: SipMessage
}

export class Ladder {
  readonly #columns: readonly string[]
  /** Headers to show, beside what every ladder shows. */
  shown: readonly string[] = []

  constructor(columns: readonly string[]) {
    this.#columns = columns
  }

  head(): string {
    return this.#columns
      .map((name) => name.padEnd(WIDTH))
      .join('')
      .trimEnd()
  }

  lines({ at, from, to, message }: Rung): string[] {
    const a = this.#columns.indexOf(from)
    const b = this.#columns.indexOf(to)
    const left = Math.min(a, b)
    const right = Math.max(a, b)
    if (left < 0) return [`${at} ${from} -> ${to}: ${label(message)}`]
    const room = (right - left) * WIDTH - 1
    const text = ` ${label(message)} `
    const dashes = Math.max(room - 1 - text.length, 2)
    const lead = '-'.repeat(Math.floor(dashes / 2))
    const rest = '-'.repeat(Math.ceil(dashes / 2))
    const arrow = a < b ? `${lead}${text}${rest}>` : `<${lead}${text}${rest}`
    const before = Array.from({ length: left }, () => '|'.padEnd(WIDTH)).join('')
    const after = Array.from({ length: this.#columns.length - right }, () =>
      '|'.padEnd(WIDTH),
    ).join('')
    const line = `${before}|${arrow}${after}`.trimEnd()
    const indent = ' '.repeat(left * WIDTH + 4)
    return [line, ...this.#details(message).map((detail) => indent + detail)]
  }

  #details({ headers }: SipMessage): string[] {
    return this.shown.flatMap((name) => headers.all(name).map((value) => `${name}: ${value}`))
  }
}

function label(message: SipMessage): string {
  const method = cseq(message)?.method ?? '?'
  const head =
    message.kind === 'request'
      ? message.method
      : `${message.status} ${method === 'INVITE' ? '' : `(${method})`}`.trim()
  const reason = message.headers.get('reason')
  const parts = [head, bodyOf(message), reason === undefined ? '' : '!']
  return parts.filter((part) => part !== '').join(' ')
}

function bodyOf(message: SipMessage): string {
  if (message.body.length === 0) return ''
  const type = message.headers.get('content-type') ?? ''
  const text = textOf(message.body)
  if (type.startsWith('message/sipfrag')) return `[${text.replace('SIP/2.0', '').trim()}]`
  const states = [...text.matchAll(/<state[^>]*>(\w+)</g)].map(([, state]) => state)
  if (type.includes('dialog-info')) return `[${states.join(' ') || 'idle'}]`
  if (type !== 'application/sdp') return `[${type}]`
  const direction = /^a=(sendonly|recvonly|inactive)\r?$/m.exec(text)?.[1]
  const nowhere = text.includes('c=IN IP4 0.0.0.0')
  return `[sdp${direction === undefined ? '' : ` ${direction}`}${nowhere ? ' 0.0.0.0' : ''}]`
}
