//! IPv6 text as RFC 4291 §2.2 has it, and the one mistake that RFC 5118 §4.10 wants tolerated.

/** The address in lower case; undefined when it is none. `:::` before an IPv4 tail reads as `::`. */
export function parseIpv6(text: string): string | undefined {
  const address = text.toLowerCase().replace(/:::(?=\d+\.)/, '::')
  const [front = '', back, ...rest] = address.split('::')
  if (rest.length > 0) return undefined
  const isShortened = back !== undefined
  const count = wordsIn(front, !isShortened) + (isShortened ? wordsIn(back, true) : 0)
  return (isShortened ? count < WORDS : count === WORDS) ? address : undefined
}

export function isIpv4(text: string): boolean {
  const bytes = text.split('.')
  return bytes.length === 4 && bytes.every((byte) => /^\d{1,3}$/.test(byte) && Number(byte) < 256)
}

const WORDS = 8

/** How many 16-bit words the groups stand for; NaN when one is malformed. */
function wordsIn(text: string, mayEndInIpv4: boolean): number {
  if (text === '') return 0
  const groups = text.split(':')
  let words = 0
  for (const [index, group] of groups.entries()) {
    if (/^[\da-f]{1,4}$/.test(group)) words++
    else if (mayEndInIpv4 && index === groups.length - 1 && isIpv4(group)) words += 2
    else return Number.NaN
  }
  return words
}
