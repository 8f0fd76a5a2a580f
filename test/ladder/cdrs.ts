//! Every CDR in the store, one line each.

import type { TenantId } from '../../src/control/ids.ts'
import { cdrsOf } from '../../src/store/schema/cdr.ts'
import type { ReadOnlyDatabase } from '../../src/store/store.ts'

export function allCdrs(db: ReadOnlyDatabase): string[] {
  const cdrs = cdrsOf(db, 'office' as TenantId, undefined, 1_000)
  return cdrs.toReversed().map((cdr) => {
    const { caller, callee, status, cause, endedBy, answeredBy, durationMs, forwardedBy } = cdr
    const more = [
      forwardedBy === undefined ? '' : `, forwarded by ${short(forwardedBy)}`,
      cdr.transferredFrom === undefined ? '' : ', joined with another call',
    ].join('')
    const by = answeredBy === undefined ? 'nobody' : short(answeredBy)
    return (
      `cdr ${short(caller)} -> ${short(callee)}: ${status} "${cause}" ended by ${endedBy}, ` +
      `answered by ${by}, ${durationMs} ms${more}`
    )
  })
}

function short(aor: string): string {
  return aor.replace('sip:', '').replace('@pbx.example', '')
}
