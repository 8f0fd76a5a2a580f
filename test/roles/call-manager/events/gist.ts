//! A SIP message in one line, for ladders.

import type { SipMessage } from '../../../../src/sip/message/message.ts'
import { textOf } from '../../../../src/sip/message/text.ts'
import { cseq } from '../../../../src/sip/message/views.ts'

const SHOWN = ['expires', 'sip-etag', 'sip-if-match', 'allow-events', 'retry-after']

export function gist(message: SipMessage): string {
  const { headers } = message
  if (message.kind === 'response') {
    const first = `${message.status} ${message.reason} (${cseq(message)?.method})`
    return [first, ...shown(message, SHOWN)].join('; ')
  }
  const parts = [`${message.method} ${message.uri}`, `CSeq ${cseq(message)?.number}`]
  const event = headers.get('event')
  if (event !== undefined) parts.push(event)
  const state = headers.get('subscription-state')
  if (state !== undefined) parts.push(state)
  if (message.method !== 'NOTIFY') parts.push(...shown(message, SHOWN))
  return [...parts, ...bodyGist(message)].join('; ')
}

function shown({ headers }: SipMessage, names: readonly string[]): string[] {
  return names.filter((name) => headers.has(name)).map((name) => `${name} ${headers.get(name)}`)
}

function bodyGist(message: SipMessage): string[] {
  const body = textOf(message.body)
  if (body === '') return []
  const type = message.headers.get('content-type') ?? ''
  if (type.includes('pidf')) {
    const basics = [...body.matchAll(/<basic>(\w+)</g)].map(([, basic]) => basic)
    const activities = [...body.matchAll(/<rpid:([\w-]+)\/>/g)].map(([, activity]) => activity)
    return [`[${[...basics, ...activities].join(' ')}]`]
  }
  if (type.includes('dialog-info')) {
    const version = /version="(\d+)"/.exec(body)?.[1]
    const states = [...body.matchAll(/<state>(\w+)</g)].map(([, state]) => state)
    return [`[${[`v${version}`, ...states].join(' ')}]`]
  }
  return [`[${body.trim().replaceAll(/\s*\r?\n\s*/g, ', ')}]`]
}
