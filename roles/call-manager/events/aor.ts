//! AORs as the directory writes them, `sip:user@domain` with the user as bytes, taken apart. Pure.

import { formatUri, sipUri } from '../../../src/sip/message/uri.ts'

export type AorParts = { readonly user: string; readonly domain: string }

export function partsOf(aor: string): AorParts {
  const at = aor.lastIndexOf('@')
  return { user: aor.slice(aor.indexOf(':') + 1, at), domain: aor.slice(at + 1) }
}

/** As a URI, the user escaped where need be. */
export function uriOf(aor: string): string {
  const { user, domain } = partsOf(aor)
  const uri = formatUri(sipUri({ user, host: domain }))
  // Nearly always; the AOR itself is in one piece.
  return uri === aor ? aor : uri
}
