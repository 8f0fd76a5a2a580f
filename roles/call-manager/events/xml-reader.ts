//! Reads an XML document into elements. Pure and total: what is malformed, too deep or too long is
//! undefined, and so is a DOCTYPE: no entities of its own, nothing to blow up.

import { bytesOf } from '../../../src/sip/message/text.ts'
import type { XmlAttribute, XmlElement } from './xml.ts'

const DEPTH_MAX = 32
const ELEMENTS_MAX = 2_000
const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace'

/** `text` is a string of bytes. */
export function readXml(text: string): XmlElement | undefined {
  const reader = new Reader(text)
  return reader.document()
}

type Scope = ReadonlyMap<string, string>
type RawAttribute = { readonly name: string; readonly value: string }

class Reader {
  readonly #text: string
  #at = 0
  #elements = 0

  constructor(text: string) {
    // A byte order mark, as bytes.
    this.#text = text.startsWith('\u00ef\u00bb\u00bf') ? text.slice(3) : text
  }

  document(): XmlElement | undefined {
    if (!this.#skipMisc()) return undefined
    const root = this.#element(new Map([['xml', XML_NAMESPACE]]), 0)
    if (root === undefined || !this.#skipMisc()) return undefined
    return this.#at === this.#text.length ? root : undefined
  }

  /** Blanks, comments and processing instructions; false when one does not end. */
  #skipMisc(): boolean {
    for (;;) {
      this.#skipBlanks()
      if (this.#text.startsWith('<?', this.#at)) {
        if (!this.#skipPast('?>')) return false
      } else if (this.#text.startsWith('<!--', this.#at)) {
        if (!this.#skipPast('-->')) return false
      } else return true
    }
  }

  #element(outer: Scope, depth: number): XmlElement | undefined {
    this.#elements++
    if (depth > DEPTH_MAX || this.#elements > ELEMENTS_MAX) return undefined
    const tag = this.#match(START)
    if (tag === undefined) return undefined
    const raw = this.#attributes()
    if (raw === undefined) return undefined
    const scope = declare(outer, raw)
    const named = scope && resolve(tag, scope, true)
    const attributes = scope && named && resolveAll(raw, scope)
    if (scope === undefined || named === undefined || attributes === undefined) return undefined
    if (this.#take('/>')) return { ...named, attributes, children: [] }
    if (!this.#take('>')) return undefined
    const children = this.#content(scope, depth)
    if (children === undefined || !this.#take(`</${tag}`)) return undefined
    this.#skipBlanks()
    return this.#take('>') ? { ...named, attributes, children } : undefined
  }

  /** Up to the end tag. */
  #content(scope: Scope, depth: number): (XmlElement | string)[] | undefined {
    const children: (XmlElement | string)[] = []
    for (;;) {
      const open = this.#text.indexOf('<', this.#at)
      if (open === -1) return undefined
      const text = unescapeXml(this.#text.slice(this.#at, open))
      if (text === undefined) return undefined
      if (text.trim() !== '') children.push(text)
      this.#at = open
      if (this.#text.startsWith('</', open)) return children
      if (this.#text.startsWith('<!--', open)) {
        if (!this.#skipPast('-->')) return undefined
      } else if (this.#text.startsWith('<?', open)) {
        if (!this.#skipPast('?>')) return undefined
      } else if (this.#take('<![CDATA[')) {
        const start = this.#at
        if (!this.#skipPast(']]>')) return undefined
        children.push(this.#text.slice(start, this.#at - 3))
      } else {
        const element = this.#element(scope, depth + 1)
        if (element === undefined) return undefined
        children.push(element)
      }
    }
  }

  #attributes(): RawAttribute[] | undefined {
    const list: RawAttribute[] = []
    for (;;) {
      this.#skipBlanks()
      const next = this.#text.charAt(this.#at)
      if (next === '>' || next === '/') return list
      const name = this.#match(ATTRIBUTE)
      const quote = name === undefined ? '' : this.#text.charAt(this.#at)
      if (name === undefined || (quote !== '"' && quote !== "'")) return undefined
      const close = this.#text.indexOf(quote, this.#at + 1)
      if (close === -1 || list.some((each) => each.name === name)) return undefined
      const raw = this.#text.slice(this.#at + 1, close)
      const value = raw.includes('<') ? undefined : unescapeXml(raw)
      if (value === undefined) return undefined
      list.push({ name, value })
      this.#at = close + 1
    }
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found === null) return undefined
    this.#at = pattern.lastIndex
    return found[1]
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #skipPast(text: string): boolean {
    const found = this.#text.indexOf(text, this.#at)
    if (found === -1) return false
    this.#at = found + text.length
    return true
  }

  #skipBlanks(): void {
    while (BLANKS.includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at++
  }
}

const BLANKS = ' \t\r\n'
const START = /<([A-Za-z_\u0080-\u00ff][\w.:\-\u0080-\u00ff]*)/y
const ATTRIBUTE = /([A-Za-z_\u0080-\u00ff][\w.:\-\u0080-\u00ff]*)[ \t\r\n]*=[ \t\r\n]*/y

function declare(outer: Scope, attributes: readonly RawAttribute[]): Scope | undefined {
  let scope: Map<string, string> | undefined
  for (const { name, value } of attributes) {
    if (name !== 'xmlns' && !name.startsWith('xmlns:')) continue
    const prefix = name === 'xmlns' ? '' : name.slice(6)
    if (prefix === 'xml' || (prefix !== '' && value === '')) return undefined
    scope ??= new Map(outer)
    scope.set(prefix, value)
  }
  return scope ?? outer
}

type Resolved = { readonly namespace: string; readonly name: string }

function resolve(qualified: string, scope: Scope, isTag: boolean): Resolved | undefined {
  const colon = qualified.indexOf(':')
  if (colon === -1) return { namespace: isTag ? (scope.get('') ?? '') : '', name: qualified }
  const namespace = scope.get(qualified.slice(0, colon))
  const name = qualified.slice(colon + 1)
  if (namespace === undefined || name === '' || name.includes(':')) return undefined
  return { namespace, name }
}

function resolveAll(raw: readonly RawAttribute[], scope: Scope): XmlAttribute[] | undefined {
  const list: XmlAttribute[] = []
  for (const { name, value } of raw) {
    if (name === 'xmlns' || name.startsWith('xmlns:')) continue
    const resolved = resolve(name, scope, false)
    if (resolved === undefined) return undefined
    list.push({ ...resolved, value })
  }
  return list
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
}

function unescapeXml(text: string): string | undefined {
  if (!text.includes('&')) return text
  let valid = true
  const plain = text.replaceAll(/&([^;&]{0,12})(;?)/g, (_, name: string, end: string) => {
    const value = end === '' ? undefined : (ENTITIES[name] ?? character(name))
    if (value === undefined) valid = false
    return value ?? ''
  })
  return valid ? plain : undefined
}

function character(name: string): string | undefined {
  const match = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(name)
  if (match === null) return undefined
  const code = match[1] === undefined ? Number(match[2]) : Number.parseInt(match[1], 16)
  const surrogate = code >= 0xd800 && code <= 0xdfff
  if (code === 0 || code > 0x10ffff || surrogate) return undefined
  return bytesOf(String.fromCodePoint(code))
}
