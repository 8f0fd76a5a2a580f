//! How a call came to ring here: Diversion (RFC 5806) and History-Info (RFC 7044) after redirects.

import type { Headers } from '../../../src/sip/message/headers.ts'
import type { Attempt } from './state.ts'

const REASONS: Readonly<Record<number, string>> = {
  302: 'unconditional',
  301: 'unconditional',
  300: 'deflection',
  305: 'deflection',
  480: 'unavailable',
  486: 'user-busy',
}

export function addDiversions(headers: Headers, attempt: Attempt, hidden: boolean): void {
  const { diversions } = attempt
  if (diversions.length === 0) return
  // RFC 5806 §5: the newest first.
  for (const { by, status } of diversions.toReversed()) {
    const reason = REASONS[status] ?? 'unknown'
    const privacy = hidden ? ';privacy=full' : ''
    headers.add('diversion', `<${by}>;reason=${reason};counter=1${privacy}`)
  }
  const [first] = diversions
  if (first === undefined) return
  const suffix = hidden ? '?Privacy=history' : ''
  headers.add('history-info', `<${first.by}${suffix}>;index=1`)
  let index = '1'
  for (const { to, status } of diversions) {
    // RFC 7044 §10.3: the cause names the answer that made the call move on.
    index += '.1'
    headers.add('history-info', `<${to};cause=${status}${suffix}>;index=${index};mp=1`)
  }
}
