//! The package `presence`, RFC 3856 with PIDF (RFC 3863): who can be reached, and what they say of
//! themselves. Pure.
//!
//! What a watcher sees is composed of (RFC 4479 §3.4):
//! - every published tuple; an AOR that no device has registered cannot be reached, so these then
//!   read `closed`, notes and all the rest staying as published;
//! - without any publication, one tuple that says whether it is registered;
//! - the newest published person, plus "on the phone" while a call is up.

import { millis } from '../../../../src/base/time.ts'
import {
  attribute,
  child,
  childElements,
  element,
  isElement,
  textIn,
  writeXml,
  type XmlElement,
} from '../xml.ts'
import { readXml } from '../xml-reader.ts'
import type { EventPackage, ResourceView } from './package.ts'

const PIDF = 'urn:ietf:params:xml:ns:pidf'
const DATA_MODEL = 'urn:ietf:params:xml:ns:pidf:data-model'
const RPID = 'urn:ietf:params:xml:ns:pidf:rpid'

export const presencePackage: EventPackage = {
  name: 'presence',
  contentType: 'application/pidf+xml',
  gap: millis(1_000),
  watchers: 'tenant',
  accepts: (body) => readPidf(body) !== undefined,
  bodyMax: 16_384,
  compose: (uri, view) => writeXml(composed(uri, view)),
}

/** The root of a readable presence document. */
function readPidf(body: string): XmlElement | undefined {
  const root = readXml(body)
  return root !== undefined && isElement(root, PIDF, 'presence') ? root : undefined
}

function composed(uri: string, view: ResourceView): XmlElement {
  const isRegistered = view.isRegistered()
  const documents = view
    .publications()
    .map(readPidf)
    .filter((each) => each !== undefined)
  const parts = documents.flatMap(childElements)
  const published = parts.filter((each) => isElement(each, PIDF, 'tuple'))
  const tuples = isRegistered ? published : published.map(closed)
  if (tuples.length === 0) tuples.push(tuple('registration', isRegistered, uri))
  // Watchers that read one tuple only read the first.
  const sorted = [...tuples.filter(isOpen), ...tuples.filter((each) => !isOpen(each))]
  const person = parts.find((each) => isElement(each, DATA_MODEL, 'person'))
  const isTalking = view.dialogs().some(({ state }) => state === 'confirmed')
  const shown = isTalking ? onThePhone(person) : person
  const rest = parts.filter((each) => !isElement(each, PIDF, 'tuple') && each.name !== 'person')
  const all = [...sorted, ...rest.toSorted(notesLast), ...(shown === undefined ? [] : [shown])]
  return element(PIDF, 'presence', { entity: uri }, ...withUniqueIds(all))
}

function tuple(id: string, isReachable: boolean, uri: string): XmlElement {
  const basic = element(PIDF, 'basic', {}, isReachable ? 'open' : 'closed')
  const status = element(PIDF, 'status', {}, basic)
  return element(PIDF, 'tuple', { id }, status, element(PIDF, 'contact', {}, uri))
}

function isOpen(of: XmlElement): boolean {
  const status = child(of, PIDF, 'status')
  const basic = status && child(status, PIDF, 'basic')
  return basic !== undefined && textIn(basic).toLowerCase() === 'open'
}

function closed(of: XmlElement): XmlElement {
  const change = (at: XmlElement): XmlElement => {
    if (isElement(at, PIDF, 'basic')) return { ...at, children: ['closed'] }
    if (!isElement(at, PIDF, 'status') && at !== of) return at
    const children = at.children.map((each) => (typeof each === 'string' ? each : change(each)))
    return { ...at, children }
  }
  return change(of)
}

/** RFC 4480 §3.2. */
function onThePhone(person: XmlElement | undefined): XmlElement {
  const activity = element(RPID, 'on-the-phone')
  if (person === undefined)
    return element(DATA_MODEL, 'person', { id: 'call' }, element(RPID, 'activities', {}, activity))
  const activities = child(person, RPID, 'activities')
  const others = (activities?.children ?? []).filter(
    (each) => typeof each === 'string' || !isElement(each, RPID, 'on-the-phone'),
  )
  const next = element(RPID, 'activities', {}, activity, ...others)
  return { ...person, children: [next, ...person.children.filter((each) => each !== activities)] }
}

/** RFC 3863 §4.1.2: notes follow the tuples; what other namespaces add comes after. */
function notesLast(a: XmlElement, b: XmlElement): number {
  return Number(!isElement(a, PIDF, 'note')) - Number(!isElement(b, PIDF, 'note'))
}

/** Two publishers may have chosen the same id. */
function withUniqueIds(parts: readonly XmlElement[]): XmlElement[] {
  const seen = new Set<string>()
  return parts.map((part) => {
    const id = attribute(part, 'id')
    if (id === undefined) return part
    let unique = id
    for (let count = 2; seen.has(unique); count++) unique = `${id}-${count}`
    seen.add(unique)
    if (unique === id) return part
    const attributes = part.attributes.map((each) =>
      each.name === 'id' && each.namespace === '' ? { ...each, value: unique } : each,
    )
    return { ...part, attributes }
  })
}
