//! What the event server puts out, short enough for a golden script.

import { unreachable } from '../../../../src/base/assert.ts'
import type { EventOutput } from '../../../../roles/call-manager/events/server-events.ts'
import { textOf } from '../../../../src/sip/message/text.ts'

const SHOWN = [
  'contact',
  'expires',
  'min-expires',
  'sip-etag',
  'allow-events',
  'accept',
  'unsupported',
  'retry-after',
]

export function show(output: EventOutput): string {
  switch (output.kind) {
    case 'respond': {
      const { status, reason, headers } = output.response
      const fields = SHOWN.filter((name) => headers.has(name))
      const list = fields.map((name) => `; ${name}: ${headers.get(name)}`)
      return `${status} ${reason}${list.join('')}`
    }
    case 'notify': {
      const { request, nextHop, hop } = output
      const { headers } = request
      const state = headers.get('subscription-state')
      const call = headers.get('call-id')
      const first = `NOTIFY ${headers.get('cseq')?.split(' ')[0]} in ${call} to ${nextHop}`
      const way = typeof hop.to === 'string' ? hop.to : 'its contact'
      const body = short(textOf(request.body))
      return `${first} by ${way}; ${headers.get('event')}; ${state}${body}`
    }
    case 'save': {
      const saved: unknown = JSON.parse(output.snapshot)
      return `save until ${output.expiresAt}ms, ${Object.keys(Object(saved)).join(' ')}`
    }
    case 'prove':
      return `prove to be of ${output.aor}`
    case 'remove':
      return 'remove'
    case 'discard':
      return `discard: ${output.reason}`
    default:
      return unreachable(output)
  }
}

function short(body: string): string {
  if (body === '') return '; no body'
  const bare = body.replace(/^<\?xml.*\r\n/, '').replaceAll(/ xmlns(:\w+)?="[^"]*"/g, '')
  const lines = bare.trim().split('\r\n')
  return lines.map((line) => `\n    ${line}`).join('')
}
