//! How a bench prints what a call says: messages in a line, random names as `#1`, `#2` …

import type { MediaId } from '../../../../src/control/media-control.ts'
import type { SipMessage } from '../../../../src/sip/message/message.ts'
import { textOf } from '../../../../src/sip/message/text.ts'
import { cseq, toTag } from '../../../../src/sip/message/views.ts'
import type { Cdr } from '../../../../src/store/schema/call.ts'
import type { MediaOp } from '../../../../roles/call-manager/call/io.ts'

const SHOWN = [
  'reason',
  'require',
  'rseq',
  'rack',
  'subscription-state',
  'retry-after',
  'referred-by',
]

export class Printer {
  /** Headers besides those that are always shown. */
  shown: readonly string[] = []
  readonly #aliases = new Map<string, string>()

  message(message: SipMessage): string {
    const method = cseq(message)?.method ?? '?'
    let text =
      message.kind === 'request'
        ? `${message.method} ${message.uri}`
        : `${message.status} ${message.reason}${method === 'INVITE' ? '' : ` (${method})`}`
    if (message.kind === 'response' && method === 'INVITE')
      text += ` tag=${this.#alias(toTag(message))}`
    if (message.body.length > 0) text += ` [${onOneLine(textOf(message.body))}]`
    for (const name of [...SHOWN, ...this.shown])
      for (const value of message.headers.all(name))
        text += `\n    ${name}: ${name === 'rseq' || name === 'rack' ? this.#short(value) : value}`
    return text
  }

  /** `#3` in a typed RAck stands for the number printed so. */
  unalias(value: string): string {
    return value.replace(/^#\d+/, (alias) => {
      for (const [real, known] of this.#aliases) if (known === alias) return real
      return alias
    })
  }

  /** RSeq numbers are random; what matters is which is which. */
  #short(value: string): string {
    const [first = '', ...rest] = value.split(' ')
    return [this.#alias(first), ...rest].join(' ')
  }

  #alias(tag: string | undefined): string {
    if (tag === undefined) return '-'
    const known = this.#aliases.get(tag) ?? `#${this.#aliases.size + 1}`
    this.#aliases.set(tag, known)
    return known
  }
}

export function showOp(op: MediaOp): string {
  const { request } = op
  const text = 'sdp' in request ? ` [${onOneLine(request.sdp)}]` : ''
  if ('a' in request) return `connect ${shortMedia(request.a)} with ${shortMedia(request.b)}`
  if ('media' in request)
    return `answer-here ${shortMedia(request.media)} ${request.source?.kind ?? 'silence'}`
  const again = op.kind === 'relay-offer' && op.request.restated ? ' restated' : ''
  return `${op.kind}${again} ${shortMedia(request.from)} > ${shortMedia(request.to)}${text}`
}

export function shortMedia(media: MediaId): string {
  return media.replace('call1-', '')
}

export function showCdr(cdr: Cdr): string {
  const { status, cause, endedBy, durationMs, answeredBy, callee, forwardedBy } = cdr
  const more = forwardedBy === undefined ? '' : ` forwarded by ${forwardedBy}`
  const who = answeredBy ?? 'nobody'
  return (
    `cdr ${status} "${cause}" ended by ${endedBy}, ${durationMs} ms, ` +
    `${callee} answered by ${who}${more}`
  )
}

function onOneLine(text: string): string {
  return text.trim().replaceAll('\r\n', ' ')
}
