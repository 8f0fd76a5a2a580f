//! Canonical text of everything the message room reads, for golden scripts.

import type { BodyPart } from '../../../src/sip/message/multipart.ts'
import { bodyParts } from '../../../src/sip/message/multipart.ts'
import type { SipMessage } from '../../../src/sip/message/message.ts'
import type { NameAddr } from '../../../src/sip/message/name-addr.ts'
import type { Params } from '../../../src/sip/message/params.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { formatUri, type SipUri } from '../../../src/sip/message/uri.ts'
import { invalidity } from '../../../src/sip/message/validate.ts'
import type { Via } from '../../../src/sip/message/via.ts'
import * as views from '../../../src/sip/message/views.ts'

/** A message as its views show it, or why it is refused. */
export function dumpBytes(bytes: Uint8Array): string {
  const result = parseMessage(bytes)
  if (result.ok) return dumpMessage(result.value)
  const { rule, offset, status, partial } = result.error
  const call = partial && views.callId(partial)
  const answer = status === undefined ? 'dropped' : `answered ${status}`
  return `${answer}: ${rule}, at byte ${offset}; call-id ${call ?? 'unknown'}`
}

function dumpMessage(message: SipMessage): string {
  const { headers, body } = message
  const isRequest = message.kind === 'request'
  const lines = [isRequest ? requestLine(message) : `${message.status} «${show(message.reason)}»`]
  const tell = (label: string, text: string | number | undefined): void => {
    if (text !== undefined && text !== '') lines.push(`${label}: ${text}`)
  }
  for (const via of views.vias(message) ?? []) tell('via', dumpVia(via))
  tell('from', dumpIf(views.from(message)))
  tell('to', dumpIf(views.to(message)))
  tell('call-id', views.callId(message))
  const cseq = views.cseq(message)
  tell('cseq', cseq && `${cseq.number} ${cseq.method}`)
  tell('max-forwards', views.maxForwards(message))
  const contacts = views.contacts(message)
  if (contacts === '*') tell('contact', '*')
  else for (const contact of contacts ?? []) tell('contact', dumpNameAddr(contact))
  for (const route of views.routes(message) ?? []) tell('route', dumpNameAddr(route))
  for (const route of views.recordRoutes(message) ?? []) tell('record-route', dumpNameAddr(route))
  const type = views.contentType(message)
  tell('content-type', type && `${type.type}/${type.subtype}${type.params.toString()}`)
  const known = /^(via|from|to|call-id|cseq|max-forwards|contact|route|record-route|content-.*)$/
  for (const [name, value] of headers.entries()) if (!known.test(name)) tell(name, show(value))
  if (body.length > 0) tell('body', `${body.length} bytes${dumpParts(bodyParts(message))}`)
  const fault = invalidity(message)
  tell('invalid', fault && `${fault.status} ${fault.reason}`)
  return lines.join('\n')
}

export function dumpUri(uri: SipUri | undefined): string {
  if (uri === undefined) return 'malformed'
  const parts = Object.entries({ ...uri, params: uri.params.toString() || undefined })
    .filter(([, value]) => value !== undefined && value !== '' && value !== false)
    .map(([name, value]) => `${name}=${show(String(value))}`)
  return `${parts.join(' ')} -> ${formatUri(uri)}`
}

export function dumpNameAddr(address: NameAddr | undefined): string {
  if (address === undefined) return 'malformed'
  const { displayName, uri, params } = address
  const name = displayName === undefined ? '' : `«${show(displayName)}» `
  return `${name}<${formatUri(uri)}>${dumpParams(params)}`
}

export function dumpVia(via: Via | undefined): string {
  if (via === undefined) return 'malformed'
  const { params, hostText: _, ...fields } = via
  const parts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
  return `${parts.join(' ')}${dumpParams(params)}`
}

function requestLine(message: SipMessage & { kind: 'request' }): string {
  return `${show(message.method)} ${dumpUri(views.requestUri(message))}`
}

function dumpIf(address: NameAddr | undefined): string | undefined {
  return address && dumpNameAddr(address)
}

function dumpParams(params: Params): string {
  const parts = Array.from(params, ([name]) =>
    params.get(name) === undefined ? name : `${name}=${show(params.get(name) ?? '')}`,
  )
  return parts.length === 0 ? '' : ` {${parts.join(', ')}}`
}

function dumpParts(parts: readonly BodyPart[]): string {
  if (parts.length < 2) return ''
  const texts = parts.map(
    ({ headers, body }) => `${headers.get('content-type') ?? 'no type'} ${body.length} bytes`,
  )
  return ` (${texts.join('; ')})`
}

/** Bytes that are no visible ASCII as `\xNN`, long runs shortened. */
export function show(text: string, most = 160): string {
  const visible = text.replaceAll(/[^\x20-\x7e]/g, (character) => {
    const code = character.charCodeAt(0)
    return String.raw`\x${code.toString(16).padStart(2, '0')}`
  })
  return visible.length > most ? `${visible.slice(0, most - 10)}… (${visible.length})` : visible
}
