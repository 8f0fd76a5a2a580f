//! IPv6 text as RFC 4291 §2.2 has it, and the one mistake that RFC 5118 §4.10 wants tolerated.

import { sameText } from './chars.ts'

/** The address in lower case, or undefined. `:::` before an IPv4 tail reads as `::`. */
export function parseIpv6(text: string): string | undefined {
  const address = text.toLowerCase().replace(/:::(?=\d+\.)/, '::')
  return wordsOf(address) === undefined ? undefined : address
}

function isIpv4(text: string): boolean {
  const bytes = text.split('.')
  return bytes.length === 4 && bytes.every((byte) => /^\d{1,3}$/.test(byte) && Number(byte) < 256)
}

/** Names in any case, IPv6 addresses in any of their spellings (RFC 5954 §4.2). */
export function sameHost(a: string, b: string): boolean {
  if (sameText(a, b)) return true
  if (!a.includes(':') || !b.includes(':')) return false
  return wordsOf(a)?.join() === wordsOf(b)?.join()
}

const WORDS = 8

/** The eight 16-bit words; undefined when the text stands for no address. */
function wordsOf(address: string): readonly number[] | undefined {
  const [front = '', back, ...rest] = address.split('::')
  const head = groupWords(front, back === undefined)
  const tail = back === undefined ? [] : groupWords(back, true)
  if (head === undefined || tail === undefined || rest.length > 0) return undefined
  const missing = WORDS - head.length - tail.length
  if (back === undefined ? missing !== 0 : missing < 1) return undefined
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail]
}

function groupWords(text: string, mayEndInIpv4: boolean): readonly number[] | undefined {
  const words: number[] = []
  const groups = text === '' ? [] : text.split(':')
  for (const [index, group] of groups.entries()) {
    if (/^[\da-f]{1,4}$/i.test(group)) words.push(Number.parseInt(group, 16))
    else if (mayEndInIpv4 && index === groups.length - 1 && isIpv4(group)) {
      const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
      words.push(a * 256 + b, c * 256 + d)
    } else return undefined
  }
  return words
}
