//! Header field names: any case and the compact forms (§7.3.3, §20) to one canonical name, and back
//! to the case in which the RFCs write it.

import { runEnd, TOKEN } from './chars.ts'
import { NameTable, type Spelling } from './name-table.ts'
import { joined } from './text.ts'

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

const CONVENTIONAL = new Map<HeaderName, string>()
/** The two spellings that code uses, to the canonical one. */
const CANONICAL = new Map<string, HeaderName>()
/** In one piece: a part of every message. */
const LINE_STARTS = new Map<HeaderName, string>()
const TABLE = new NameTable(spellings())

function* spellings(): Generator<Spelling<HeaderName>> {
  for (const entry of KNOWN.trim().split(/\s+/)) {
    const [conventional = '', compact] = entry.split('=')
    const canonical = conventional.toLowerCase()
    CONVENTIONAL.set(canonical, conventional)
    yield [conventional, canonical]
    if (compact !== undefined) yield [compact, canonical]
  }
}

for (const [canonical, conventional] of CONVENTIONAL) {
  const name = TABLE.find(canonical, 0, canonical.length) ?? canonical
  CANONICAL.set(canonical, name).set(conventional, name)
  LINE_STARTS.set(canonical, joined('\r\n', conventional, ': '))
}

/** The canonical name of the field name at [at, end); undefined when it is no token. */
export function headerNameAt(text: string, at: number, end: number): HeaderName | undefined {
  if (at >= end) return undefined
  const known = TABLE.find(text, at, end)
  if (known !== undefined) return known
  return runEnd(TOKEN, text, at, end) === end ? text.slice(at, end).toLowerCase() : undefined
}

/** The canonical name of one that the RFCs know, spelt as code spells it; undefined for others. */
export function knownName(name: string): HeaderName | undefined {
  return CANONICAL.get(name)
}

/** The canonical name of any spelling. */
export function canonicalName(name: string): HeaderName {
  return knownName(name) ?? headerNameAt(name, 0, name.length) ?? name.toLowerCase()
}

/** What stands before a value on the wire: the end of the line above, name and colon. */
export function lineStart(name: HeaderName): string {
  return LINE_STARTS.get(name) ?? `\r\n${conventionalName(name)}: `
}

/** The case in which the RFCs write it; each word capitalised when unknown. */
export function conventionalName(name: HeaderName): string {
  const known = CONVENTIONAL.get(name)
  if (known !== undefined) return known
  return name.replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase())
}
