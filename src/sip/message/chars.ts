//! Character classes of RFC 3261 §25.1, one table look-up a character, and the small readers that
//! every grammar here is made of. Readers work in place, from `at` up to `end`; their loops call
//! nothing, because this is where a parser spends its time.

/** A set of characters; sets can be joined with `|`. */
export const TOKEN = 1
export const HEX = 2
/** What a user part may hold unescaped: unreserved and user-unreserved. */
export const USER = 4
export const PASSWORD = 8
/** What a URI parameter may hold unescaped: param-unreserved and unreserved. */
export const PARAM = 16
/** Host name characters, with the `_` that DNS in the field knows. */
export const HOST = 32
/** What cannot end or break a URI: no blank, no control, none of `<`, `>`, `"`. */
export const VISIBLE = 64
/** What a parameter's value may hold without quotes: visible, but no `;` and no `,`. */
export const VALUE = 128
/** Space and tab, and the CR and LF of text that was not unfolded. */
const BLANK = 256
export const DIGIT = 512
export const LETTER = 1024

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const DIGITS = '0123456789'
const UNRESERVED = `${LETTERS}${DIGITS}-_.!~*'()`

const CLASS = new Uint16Array(256)
for (let code = 0x21; code < 0x100; code++) if (code !== 0x7f) CLASS[code] = VISIBLE | VALUE
for (const character of '<>"') CLASS[character.charCodeAt(0)] = 0
for (const character of ';,') CLASS[character.charCodeAt(0)] = VISIBLE
mark(LETTERS, LETTER)
mark(DIGITS, DIGIT)
mark(' \t\r\n', BLANK)
mark(`${LETTERS}${DIGITS}-.!%*_+\`'~`, TOKEN)
mark(`${DIGITS}abcdefABCDEF`, HEX)
mark(`${UNRESERVED}&=+$,;?/`, USER)
mark(`${UNRESERVED}&=+$,`, PASSWORD)
mark(`${UNRESERVED}[]/:&+$`, PARAM)
mark(`${LETTERS}${DIGITS}-._`, HOST)

function mark(characters: string, set: number): void {
  for (let index = 0; index < characters.length; index++) {
    const code = characters.charCodeAt(index)
    CLASS[code] = (CLASS[code] ?? 0) | set
  }
}

export function isIn(set: number, code: number): boolean {
  return ((CLASS[code] ?? 0) & set) !== 0
}

/** Where the run of the set's characters that begins at `at` ends; `at` when there is none. */
export function runEnd(set: number, text: string, at: number, end: number): number {
  let index = at
  while (index < end && ((CLASS[text.charCodeAt(index)] ?? 0) & set) !== 0) index++
  return index
}

export function isToken(text: string): boolean {
  return text !== '' && runEnd(TOKEN, text, 0, text.length) === text.length
}

export function skipBlanks(text: string, at: number, end: number): number {
  let index = at
  while (index < end && ((CLASS[text.charCodeAt(index)] ?? 0) & BLANK) !== 0) index++
  return index
}

/** The end without the blanks before it. */
export function trimEnd(text: string, at: number, end: number): number {
  let index = end
  while (index > at && ((CLASS[text.charCodeAt(index - 1)] ?? 0) & BLANK) !== 0) index--
  return index
}

/** `text.indexOf` within bounds; -1 when it is not there. */
export function indexWithin(text: string, character: string, at: number, end: number): number {
  const index = text.indexOf(character, at)
  return index < end ? index : -1
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

/** The next comma outside quotes and angle brackets, or `end`. */
export function commaAt(text: string, at: number, end: number): number {
  if (indexWithin(text, ',', at, end) === -1) return end
  for (let index = at; index < end; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x2c) return index
    if (code === 0x22) {
      const close = quotedEnd(text, index, end)
      if (close === -1) return end
      index = close - 1
    } else if (code === 0x3c) {
      const close = indexWithin(text, '>', index, end)
      if (close === -1) return end
      index = close
    }
  }
  return end
}

/** Adds to `values` those that stand between commas from `at` to `end`, trimmed; empty ones too. */
export function splitList(text: string, at: number, end: number, values: string[]): string[] {
  let start = at
  while (start <= end) {
    const comma = commaAt(text, start, end)
    const from = skipBlanks(text, start, comma)
    const to = trimEnd(text, from, comma)
    if (to > from || comma < end || start > at) values.push(text.slice(from, to))
    start = comma + 1
  }
  return values
}

/** The characters a quoted string stands for; text that is not quoted is returned as it is. */
export function unquote(text: string): string {
  return text.charCodeAt(0) === 0x22 ? unescapeQuoted(text.slice(1, -1)) : text
}

/** What stands between the quotes, its quoted pairs undone. */
export function unescapeQuoted(inner: string): string {
  if (!inner.includes('\\')) return inner
  let plain = ''
  for (let index = 0; index < inner.length; index++) {
    if (inner.charCodeAt(index) === 0x5c) index++
    plain += inner.charAt(index)
  }
  return plain
}

export function quote(text: string): string {
  if (!text.includes('"') && !text.includes('\\')) return `"${text}"`
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

/** More digits than any number of SIP has, leading zeros allowed for. */
const MAX_DIGITS = 64

/** Digits to a number; undefined when there are none, or anything else is among them. */
export function decimal(text: string, at = 0, end = text.length): number | undefined {
  if (at >= end || end - at > MAX_DIGITS) return undefined
  let value = 0
  for (let index = at; index < end; index++) {
    const digit = text.charCodeAt(index) - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return value
}

/** Case-insensitive equality of ASCII text. */
export function sameText(a: string, b: string): boolean {
  return a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase())
}
