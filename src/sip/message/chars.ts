//! Character classes of RFC 3261 §25.1, one table lookup per character.

const TOKEN = 1
const DIGIT = 2
const HEX = 4
const UPPER = 8
/** What a user part may hold unescaped: unreserved and user-unreserved. */
const USER = 16
const PASSWORD = 32
/** What a URI parameter may hold unescaped: param-unreserved and unreserved. */
const PARAM = 64
/** Host name characters, with the `_` that DNS in the field knows. */
const HOST = 128

const ALPHANUMERIC = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const UNRESERVED = `${ALPHANUMERIC}-_.!~*'()`

const CLASS = new Uint8Array(256)
function mark(characters: string, bit: number): void {
  for (let index = 0; index < characters.length; index++) {
    const code = characters.charCodeAt(index)
    CLASS[code] = (CLASS[code] ?? 0) | bit
  }
}
mark(`${ALPHANUMERIC}-.!%*_+\`'~`, TOKEN)
mark('0123456789', DIGIT)
mark('0123456789abcdefABCDEF', HEX)
mark('ABCDEFGHIJKLMNOPQRSTUVWXYZ', UPPER)
mark(`${UNRESERVED}&=+$,;?/`, USER)
mark(`${UNRESERVED}&=+$,`, PASSWORD)
mark(`${UNRESERVED}[]/:&+$`, PARAM)
mark(`${ALPHANUMERIC}-._`, HOST)

const has = (code: number, bit: number): boolean => ((CLASS[code] ?? 0) & bit) !== 0

export const isTokenChar = (code: number): boolean => has(code, TOKEN)
export const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39
export const isHex = (code: number): boolean => has(code, HEX)
export const isUpper = (code: number): boolean => code >= 0x41 && code <= 0x5a
export const isUserChar = (code: number): boolean => has(code, USER)
export const isPasswordChar = (code: number): boolean => has(code, PASSWORD)
export const isParamChar = (code: number): boolean => has(code, PARAM)
export const isHostChar = (code: number): boolean => has(code, HOST)
/** Space, tab, and the CR and LF that folding leaves behind. */
export const isBlank = (code: number): boolean =>
  code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a

export function isToken(text: string): boolean {
  return text !== '' && tokenEnd(text, 0, text.length) === text.length
}

/** Where the token that begins at `at` ends; `at` itself when there is none. */
export function tokenEnd(text: string, at: number, end: number): number {
  let index = at
  while (index < end && isTokenChar(text.charCodeAt(index))) index++
  return index
}

export function skipBlanks(text: string, at: number, end: number): number {
  let index = at
  while (index < end && isBlank(text.charCodeAt(index))) index++
  return index
}

/** The end without the blanks before it. */
export function trimEnd(text: string, at: number, end: number): number {
  let index = end
  while (index > at && isBlank(text.charCodeAt(index - 1))) index--
  return index
}

/** Just past the closing quote of the quoted string that opens at `at`; -1 when it never closes. */
export function quotedEnd(text: string, at: number, end: number): number {
  for (let index = at + 1; index < end; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x22) return index + 1
    if (code === 0x5c) index++
  }
  return -1
}

/** The characters a quoted string stands for; text that is not quoted is returned as it is. */
export function unquote(text: string): string {
  if (text.charCodeAt(0) !== 0x22) return text
  const inner = text.slice(1, -1)
  if (!inner.includes('\\')) return inner
  let plain = ''
  for (let index = 0; index < inner.length; index++) {
    if (inner.charCodeAt(index) === 0x5c) index++
    plain += inner.charAt(index)
  }
  return plain
}

export function quote(text: string): string {
  let quoted = '"'
  for (const character of text)
    quoted += character === '"' || character === '\\' ? `\\${character}` : character
  return `${quoted}"`
}

/** Digits to a number; undefined when there are none, anything else is among them, or too many. */
export function decimal(text: string, at = 0, end = text.length): number | undefined {
  if (at >= end || end - at > MAX_DIGITS) return undefined
  let value = 0
  for (let index = at; index < end; index++) {
    const code = text.charCodeAt(index)
    if (!isDigit(code)) return undefined
    value = value * 10 + code - 0x30
  }
  return value
}

/** More digits than a double holds exactly, fewer than would make it infinite. */
const MAX_DIGITS = 64

export function lower(text: string): string {
  for (let index = 0; index < text.length; index++)
    if (isUpper(text.charCodeAt(index))) return text.toLowerCase()
  return text
}

/** Case-insensitive equality of ASCII text. */
export function sameText(a: string, b: string): boolean {
  return a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase())
}
