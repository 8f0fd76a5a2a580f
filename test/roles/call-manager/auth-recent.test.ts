import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../src/base/random.ts'
import { seconds } from '../../../src/base/time.ts'
import { Nonces } from '../../../roles/call-manager/auth/nonces.ts'
import { RecentTexts } from '../../../roles/call-manager/auth/recent-texts.ts'
import { Recent } from '../../../roles/call-manager/auth/recent.ts'

test('the last half of the capacity used is there, and never more than all of it', () => {
  const capacity = 100
  const recent = new Recent<number, number>(capacity)
  const random = seededRandom(7)
  /** Keys by last use, oldest first. */
  const used = new Map<number, true>()
  for (let n = 0; n < 20_000; n++) {
    const key = random.below(500)
    if (random.chance(1, 3)) recent.set(key, key)
    else if (recent.get(key) === undefined) continue
    used.delete(key)
    used.set(key, true)
    const lately = [...used.keys()].slice(-capacity / 2)
    if (n % 100 === 0) expect(lately.filter((each) => recent.get(each) !== each)).toEqual([])
  }
  const kept = Array.from({ length: 500 }, (_, key) => recent.get(key)).filter(
    (each) => each !== undefined,
  )
  expect(kept.length).toBeLessThanOrEqual(capacity)
})

test('what is deleted is gone from both generations', () => {
  const recent = new Recent<string, number>(4)
  for (const key of ['a', 'b', 'c']) recent.set(key, 1)
  recent.delete('a')
  expect(recent.get('a')).toBeUndefined()
  recent.clear()
  expect(recent.get('c')).toBeUndefined()
})

test('texts: of 100,000 in a set with room for five times as many hardly one is forgotten', () => {
  const texts = new RecentTexts(new Uint8Array(16), 1 << 19)
  const all = Array.from({ length: 100_000 }, (_, n) => `10.0.${n % 250}.7 sip:u${n}@x`)
  for (const text of all) texts.add(text)
  const forgotten = all.filter((text) => !texts.has(text))
  expect(forgotten.length).toBeLessThan(100)
  expect(texts.has('10.0.0.7 sip:stranger@x')).toBe(false)
})

test('texts: who was met of late stays, who was not makes room', () => {
  const texts = new RecentTexts(new Uint8Array(16), 8)
  for (const text of 'abcdefgh') texts.add(text)
  expect(texts.has('a')).toBe(true)
  texts.add('i')
  const met = ['a', 'b', 'c', 'h', 'i'].map((text) => texts.has(text))
  expect(met).toEqual([true, false, true, true, true])
})

describe('nonces', () => {
  const KEY = new Uint8Array(16)
  const HERE = '10.0.0.1'

  test('RFC 7616 §5.4 a nonce count is taken once, in any order within the window', () => {
    const nonces = new Nonces(KEY, seconds(10), 4)
    const use = (nonce: string, count: number, at = seconds(1)) => {
      const read = nonces.read(nonce, HERE)
      return read && nonces.use(read, count, at)
    }
    const first = nonces.issue(HERE, seconds(0))
    const counts = [1, 1, 3, 2, 2, 30, 10, 11, 11]
    const wanted = ['fresh', 'stale', 'fresh', 'fresh', 'stale', 'fresh', 'stale', 'fresh', 'stale']
    expect(counts.map((count) => use(first, count))).toEqual(wanted)
    const later = Array.from({ length: 4 }, () => nonces.issue(HERE, seconds(0)))
    expect(later.map((nonce) => use(nonce, 1))).toEqual(['fresh', 'fresh', 'fresh', 'fresh'])
    // The last of them has its place: whether a count of it was seen is not known any more.
    expect([use(first, 31), use(later[3] ?? '', 2)]).toEqual(['stale', 'fresh'])
    expect(use(later[3] ?? '', 3, seconds(11))).toBe('stale')
  })

  test('one is read by who made it, for the address it was given to, and unchanged', () => {
    const nonces = new Nonces(KEY)
    const nonce = nonces.issue(HERE, seconds(5))
    expect(nonces.read(nonce, HERE)).toEqual({ number: 1, issuedAt: 5 })
    expect(nonces.read(nonce, '10.0.0.2')).toBeUndefined()
    expect(new Nonces(new Uint8Array(16).fill(1)).read(nonce, HERE)).toBeUndefined()
    // The last character stands for two bits only.
    for (let at = 0; at < nonce.length - 1; at++) {
      const other = nonce[at] === 'A' ? 'B' : 'A'
      expect(nonces.read(nonce.slice(0, at) + other + nonce.slice(at + 1), HERE)).toBeUndefined()
    }
    expect(nonces.read('', HERE)).toBeUndefined()
    expect(nonces.read('*'.repeat(nonce.length), HERE)).toBeUndefined()
    const long = 'fe80::1%'.padEnd(200, 'x')
    expect(nonces.read(nonces.issue(long, seconds(5)), long)?.number).toBe(2)
  })
})
