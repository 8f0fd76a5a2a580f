//! What happens to every message on arrival, whatever it came by: it is parsed, a request's top Via
//! gets `received` and `rport` (RFC 3261 §18.2.1, RFC 3581 §4), and what cannot be read is counted
//! and answered where an answer is due.

import type { Millis } from '../../base/time.ts'
import type { SipMessage } from '../message/message.ts'
import { parseMessage, type ParseError } from '../message/parse.ts'
import { topVia } from '../message/views.ts'
import type { Received } from '../stack/sip-transport.ts'
import type { Source } from '../transaction/flow.ts'
import { refusal } from '../transaction/hop-by-hop.ts'
import { stampVia } from './stamp.ts'
import type { BrokenFrame } from './stream-wire.ts'

export type Arrival = {
  onReceived(received: Received): void
  /** `answer` is what to send back, on the same flow; undefined when nobody is owed one. */
  onInvalid(source: Source, error: ParseError, answer: SipMessage | undefined): void
}

/** False when the bytes were no message. */
export function arrive(
  arrival: Arrival,
  source: Source,
  bytes: Uint8Array,
  waited?: Millis,
): boolean {
  const parsed = parseMessage(bytes)
  if (!parsed.ok) {
    const { error } = parsed
    if (error.partial?.kind === 'request') stampVia(error.partial, source)
    arrival.onInvalid(source, error, answerTo(error))
    return false
  }
  const message = parsed.value
  if (message.kind === 'request') stampVia(message, source)
  arrival.onReceived(
    waited === undefined ? { source, message, bytes } : { source, message, bytes, waited },
  )
  return true
}

/** The last answer on a stream that cannot be read on; undefined when nobody is owed one. */
export function answerToBroken(source: Source, broken: BrokenFrame): SipMessage | undefined {
  if (broken.head === undefined) return undefined
  const parsed = parseMessage(broken.head)
  const message = parsed.ok ? parsed.value : parsed.error.partial
  if (message?.kind !== 'request' || message.method === 'ACK') return undefined
  if (topVia(message) === undefined) return undefined
  stampVia(message, source)
  const tooLarge = broken.reason.endsWith('too large')
  return tooLarge
    ? refusal(message, 513)
    : refusal(message, 400, [], `Bad Request: ${broken.reason}`)
}

/** Stateless, and only where an answer can find its way. */
function answerTo({ partial, status, rule }: ParseError): SipMessage | undefined {
  if (partial?.kind !== 'request' || status === undefined) return undefined
  if (!partial.headers.has('via')) return undefined
  return refusal(partial, status, [], status === 400 ? `Bad Request: ${rule}` : undefined)
}
