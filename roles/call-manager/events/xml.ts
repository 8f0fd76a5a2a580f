//! As much XML as event packages need: elements with namespaces, attributes, text. Pure. Strings
//! are bytes (UTF-8), like everything received.

import { bytesOf, utf8 } from '../../../src/sip/message/text.ts'

export type XmlElement = {
  readonly namespace: string
  /** Without prefix. */
  readonly name: string
  readonly attributes: readonly XmlAttribute[]
  /** Text unescaped; blank text between elements is left out. */
  readonly children: readonly (XmlElement | string)[]
}
export type XmlAttribute = {
  /** Empty for the usual attribute without prefix. */
  readonly namespace: string
  readonly name: string
  readonly value: string
}

export type AttributeValues = Readonly<Record<string, string | undefined>>

/** An element with attributes that have no namespace; undefined ones are left out. */
export function element(
  namespace: string,
  name: string,
  attributes: AttributeValues = {},
  ...children: (XmlElement | string)[]
): XmlElement {
  const list: XmlAttribute[] = []
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined) list.push({ namespace: '', name: key, value })
  return { namespace, name, attributes: list, children }
}

export function attribute(of: XmlElement, name: string): string | undefined {
  return of.attributes.find((each) => each.name === name && each.namespace === '')?.value
}

export function childElements(of: XmlElement): readonly XmlElement[] {
  return of.children.filter((child): child is XmlElement => typeof child !== 'string')
}

export function isElement(of: XmlElement, namespace: string, name: string): boolean {
  return of.name === name && of.namespace === namespace
}

export function child(of: XmlElement, namespace: string, name: string): XmlElement | undefined {
  return childElements(of).find((each) => isElement(each, namespace, name))
}

/** Its own text, trimmed. */
export function textIn(of: XmlElement): string {
  return of.children
    .filter((each) => typeof each === 'string')
    .join('')
    .trim()
}

const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace'

/** Prefixes that watchers look for, some of them without reading the declarations. */
const PREFIXES: Readonly<Record<string, string>> = {
  [XML_NAMESPACE]: 'xml',
  'urn:ietf:params:xml:ns:pidf:data-model': 'dm',
  'urn:ietf:params:xml:ns:pidf:rpid': 'rpid',
  'urn:ietf:params:xml:ns:pidf:caps': 'caps',
  'urn:ietf:params:xml:ns:pidf:cipid': 'c',
}

/**
 * A whole document; the root's namespace is the default one, all others are declared there. What
 * has no namespace at all takes the root's.
 */
export function writeXml(root: XmlElement): string {
  const prefixes = new Map<string, string>([[root.namespace, '']])
  collect(root, prefixes)
  const declarations: XmlAttribute[] = []
  for (const [namespace, prefix] of prefixes) {
    if (namespace === XML_NAMESPACE || namespace === '') continue
    const name = prefix === '' ? 'xmlns' : `xmlns:${prefix}`
    declarations.push({ namespace: '', name, value: namespace })
  }
  const declared = { ...root, attributes: [...declarations, ...root.attributes] }
  return `<?xml version="1.0" encoding="UTF-8"?>\r\n${write(declared, prefixes)}\r\n`
}

function collect(of: XmlElement, prefixes: Map<string, string>): void {
  for (const { namespace } of [of, ...of.attributes])
    if (namespace !== '' && !prefixes.has(namespace))
      prefixes.set(namespace, PREFIXES[namespace] ?? `n${prefixes.size}`)
  for (const each of childElements(of)) collect(each, prefixes)
}

function write(of: XmlElement, prefixes: ReadonlyMap<string, string>): string {
  const qualified = (namespace: string, name: string): string => {
    const prefix = namespace === '' ? '' : (prefixes.get(namespace) ?? '')
    return prefix === '' ? name : `${prefix}:${name}`
  }
  const name = qualified(of.namespace, of.name)
  let text = `<${name}`
  for (const each of of.attributes)
    text += ` ${qualified(each.namespace, each.name)}="${escapeXml(each.value)}"`
  if (of.children.length === 0) return `${text}/>`
  text += '>'
  for (const each of of.children)
    text += typeof each === 'string' ? escapeXml(each) : write(each, prefixes)
  return `${text}</${name}>`
}

/** Also makes it valid UTF-8 without control characters, whatever a phone wrote. */
function escapeXml(text: string): string {
  return bytesOf(utf8(text)).replaceAll(/[&<>"'\u0000-\u001f\u007f]/g, (found) => {
    return ESCAPES[found] ?? ' '
  })
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}
