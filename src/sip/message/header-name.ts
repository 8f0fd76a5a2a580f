//! Header field names: any case and the compact forms (§7.3.3, §20) to one canonical name, and back
//! to the case in which the RFCs write it.

import { isTokenChar } from './chars.ts'

/** Lower-case and long: `via`, `call-id`. */
export type HeaderName = string

/** As written on the wire, with the compact form where there is one. */
const KNOWN = `
Via=v From=f To=t Call-ID=i CSeq Contact=m Max-Forwards Content-Length=l Content-Type=c Route
Record-Route User-Agent Allow Supported=k Require Proxy-Require Unsupported Expires Min-Expires
Authorization Proxy-Authorization WWW-Authenticate Proxy-Authenticate Authentication-Info
Proxy-Authentication-Info Accept Accept-Encoding Accept-Language Accept-Contact=a Reject-Contact=j
Request-Disposition=d Alert-Info Call-Info Content-Disposition Content-Encoding=e Content-Language
Content-ID Content-Transfer-Encoding Date Error-Info In-Reply-To MIME-Version Organization Priority
Reply-To Retry-After Server Subject=s Timestamp Warning RAck RSeq Session-Expires=x Min-SE
Refer-To=r Referred-By=b Refer-Sub Replaces Join Target-Dialog Event=o Subscription-State
Allow-Events=u Suppress-If-Match SIP-ETag SIP-If-Match Privacy P-Asserted-Identity
P-Preferred-Identity P-Access-Network-Info P-Associated-URI P-Called-Party-ID P-Charging-Vector
P-Visited-Network-ID P-Preferred-Service P-Asserted-Service P-Early-Media Remote-Party-ID
History-Info Diversion Reason Path Service-Route Flow-Timer Max-Breadth Answer-Mode
Priv-Answer-Mode Identity=y Identity-Info=n Security-Client Security-Server Security-Verify
Geolocation Geolocation-Routing Geolocation-Error Resource-Priority Accept-Resource-Priority
User-to-User Info-Package Recv-Info Session-ID Trigger-Consent Permission-Missing Feature-Caps
Encryption Hide Response-Key X-RTP-Stat`

type Known = { readonly canonical: HeaderName; readonly conventional: string }

const BUCKETS: (Known[] | undefined)[] = Array.from({ length: 1024 })
const CONVENTIONAL = new Map<HeaderName, string>()
/** Spellings met in code and on the wire; the values of `KNOWN` in the cases people write. */
const CANONICAL = new Map<string, HeaderName>()

for (const entry of KNOWN.trim().split(/\s+/)) {
  const [conventional = '', compact] = entry.split('=')
  const canonical = conventional.toLowerCase()
  const known = { canonical, conventional }
  CONVENTIONAL.set(canonical, conventional)
  for (const spelling of [conventional, canonical]) CANONICAL.set(spelling, canonical)
  index(canonical, known)
  if (compact === undefined) continue
  CANONICAL.set(compact, canonical)
  index(compact, known)
}

function index(spelling: string, known: Known): void {
  const slot = hash(spelling, 0, spelling.length)
  const bucket = BUCKETS[slot] ?? []
  // A compact form is found through its own spelling, so that one comparison settles a hit.
  bucket.push({ canonical: known.canonical, conventional: spelling })
  BUCKETS[slot] = bucket
}

function hash(text: string, at: number, end: number): number {
  const first = text.charCodeAt(at) | 0x20
  const last = text.charCodeAt(end - 1) | 0x20
  const middle = text.charCodeAt((at + end) >> 1) | 0x20
  return (first * 31 + last * 7 + middle * 131 + (end - at) * 17) & 1023
}

/** The canonical name of the field name at [at, end); undefined when it is no token. */
export function headerNameAt(text: string, at: number, end: number): HeaderName | undefined {
  if (at >= end) return undefined
  const bucket = BUCKETS[hash(text, at, end)]
  if (bucket !== undefined)
    for (const { canonical, conventional } of bucket)
      if (conventional.length === end - at && matches(text, at, conventional)) return canonical
  for (let place = at; place < end; place++)
    if (!isTokenChar(text.charCodeAt(place))) return undefined
  return text.slice(at, end).toLowerCase()
}

/** The canonical name of any spelling. */
export function canonicalName(name: string): HeaderName {
  return CANONICAL.get(name) ?? headerNameAt(name, 0, name.length) ?? name.toLowerCase()
}

/** The case in which the RFCs write it; each word capitalised when unknown. */
export function conventionalName(name: HeaderName): string {
  const known = CONVENTIONAL.get(name)
  if (known !== undefined) return known
  return name.replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase())
}

/** `spelling` is lower-case; only letters may differ, by their case bit. */
function matches(text: string, at: number, spelling: string): boolean {
  for (let place = 0; place < spelling.length; place++) {
    const expected = spelling.charCodeAt(place)
    const code = text.charCodeAt(at + place)
    if (code !== expected && (expected < 0x61 || (code | 0x20) !== expected)) return false
  }
  return true
}
