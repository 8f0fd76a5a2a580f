//! Globally routable names of one device (RFC 5627). A public one is the AOR with the instance; a
//! temporary one hides both: a sealed number, unlike any other even for the same device.

import { formatUri, sipUri, unescape, type SipUri } from '../../../src/sip/message/uri.ts'
import { Params } from '../../../src/sip/message/params.ts'
import type { Millis } from '../../../src/base/time.ts'
import type { BlockTokens } from '../auth/block-token.ts'

/** What a GRUU of ours stands for: the instance of an AOR, or a device by its sealed number. */
export type GruuOwner =
  | { readonly kind: 'public'; readonly user: string; readonly instance: string }
  | { readonly kind: 'temporary'; readonly gruuId: number }

const TEMPORARY = 'tgruu.'

/** `sip:user@domain;gr=urn:uuid:…` */
export function publicGruu(user: string, domain: string, instance: string): string {
  const params = Params.NONE.withRaw('gr', escapeInstance(instance))
  return formatUri(sipUri({ user, host: domain, params }))
}

/** `sip:tgruu.…@domain;gr`, another one at every call. */
export class TemporaryGruus {
  readonly #tokens: BlockTokens
  #made = 0

  constructor(tokens: BlockTokens) {
    this.#tokens = tokens
  }

  make(gruuId: number, domain: string, now: Millis): string {
    this.#made = (this.#made + 1) >>> 0
    const token = this.#tokens.encode([gruuId, this.#made, Math.floor(now) >>> 0])
    const params = Params.NONE.withRaw('gr', undefined)
    return formatUri(sipUri({ user: `${TEMPORARY}${token}`, host: domain, params }))
  }

  /** Undefined when the URI is no GRUU of ours. Whether its device is still there is not asked. */
  owner(uri: SipUri): GruuOwner | undefined {
    const { user } = uri
    if (user === undefined || !uri.params.has('gr')) return undefined
    const gr = uri.params.get('gr')
    if (gr !== undefined) return { kind: 'public', user, instance: unescape(gr) ?? gr }
    if (!user.startsWith(TEMPORARY)) return undefined
    const content = this.#tokens.decode(user.slice(TEMPORARY.length))
    return content === undefined ? undefined : { kind: 'temporary', gruuId: content[0] }
  }
}

/** RFC 3261 §25.1 pvalue: URNs need no escape but for what they seldom hold. */
function escapeInstance(instance: string): string {
  return instance.replace(/[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  })
}

/** No device. */
export const NO_GRUU = 0
