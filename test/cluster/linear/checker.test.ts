//! Histories that could have been, and histories that could not.

import { expect, test } from 'vitest'
import { randomFrom } from '../../../src/base/random.ts'
import { check } from './checker.ts'
import { brokenKeys, entryModel, type EntryOperation } from './entry.ts'

/** `from-to what -> outcome`, a line each; `?` for an outcome that nobody knows. */
function history(text: string): readonly EntryOperation[] {
  return text
    .trim()
    .split('\n')
    .map((each) => {
      const parts = /^\s*(\d+)-(\d+|\?) (make|remove|read) ?(\w*) -> (.+)$/.exec(each)
      const [, called, returned, kind, value = '', outcome = ''] = parts ?? []
      const input =
        kind === 'make'
          ? ({ kind, value } as const)
          : ({ kind: kind === 'remove' ? 'remove' : 'read' } as const)
      return {
        key: 'k',
        input,
        output: outputOf(outcome),
        called: Number(called),
        returned: Number(returned),
      }
    })
}

function outputOf(outcome: string): EntryOperation['output'] {
  if (outcome === '?') return undefined
  if (outcome === 'done' || outcome === 'refused') return { kind: outcome }
  return { kind: 'value', value: outcome === 'nothing' ? undefined : outcome }
}

const POSSIBLE: readonly (readonly [name: string, text: string])[] = [
  [
    'one after the other',
    '0-1 make a -> done\n2-3 read -> a\n4-5 remove -> done\n6-7 read -> nothing',
  ],
  ['a read during a write sees it', '0-9 make a -> done\n1-2 read -> a\n3-4 read -> a'],
  ['a read during a write does not see it yet', '0-9 make a -> done\n1-2 read -> nothing'],
  ['of two at once one is refused', '0-5 make a -> done\n1-4 make b -> refused\n6-7 read -> a'],
  ['an unknown write has happened', '0-? make a -> ?\n5-6 read -> a'],
  ['an unknown write has not happened', '0-? make a -> ?\n5-6 read -> nothing'],
  [
    'an unknown write happens much later',
    '0-? make a -> ?\n5-6 read -> nothing\n7-8 make b -> done\n8-9 remove -> done\n9-10 read -> a',
  ],
  [
    'an unknown removal explains it',
    '0-1 make a -> done\n2-? remove -> ?\n3-4 read -> a\n5-6 read -> nothing',
  ],
  ['a removal in between', '0-9 remove -> done\n1-2 make a -> done\n3-4 read -> a'],
]

const NOT_POSSIBLE: readonly (readonly [name: string, text: string])[] = [
  ['a write that was acknowledged is lost', '0-1 make a -> done\n2-3 read -> nothing'],
  ['a read is of the past', '0-1 make a -> done\n2-3 remove -> done\n4-5 read -> a'],
  ['two reads disagree on the order', '0-9 make a -> done\n1-2 read -> a\n3-4 read -> nothing'],
  ['both of two at once were first', '0-5 make a -> done\n1-4 make b -> done'],
  ['refused, and nothing was there', '0-1 make a -> refused'],
  ['a value out of nowhere', '0-1 make a -> done\n2-3 read -> b'],
  [
    'an unknown write happens twice',
    '0-? make a -> ?\n1-2 read -> a\n3-4 remove -> done\n5-6 read -> a',
  ],
  ['an unknown write happens before its call', '0-1 read -> a\n2-? make a -> ?'],
  ['what was removed was not there', '0-1 remove -> done'],
]

test.each(POSSIBLE)('%s', (_, text) => {
  expect(check(history(text), entryModel)).toEqual({ ok: true })
})

test.each(NOT_POSSIBLE)('refused: %s', (_, text) => {
  expect(check(history(text), entryModel).ok).toBe(false)
})

test('hundreds that wait for the same outage are decided', () => {
  const reads = Array.from({ length: 300 }, (_, at) => `${at}-${1_000 + at} read -> nothing`)
  const made = `3-2000 make a -> done\n400-2000 remove -> done\n2001-2002 read -> `
  const waiting = (last: string): ReturnType<typeof history> =>
    history(`${reads.join('\n')}\n${made}${last}`)
  expect(check(waiting('nothing'), entryModel)).toEqual({ ok: true })
  expect(check(waiting('a'), entryModel)).toMatchObject({ ok: false, undecided: false })
})

test('what is wrong is shown, key by key', () => {
  const broken = history('0-1 make a -> done\n2-3 read -> nothing')
  const fine = history('0-1 make a -> done').map((each) => ({ ...each, key: 'other' }))
  expect(brokenKeys([...broken, ...fine])).toEqual([
    'k, impossible: operation 1 of 2:\n  0 to 1: make a -> done\n  2 to 3: read -> nothing',
  ])
})

test('histories of a real entry pass, and fail once an answer is changed', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const made = simulated(seed)
    expect(check(made, entryModel), `seed ${seed}`).toEqual({ ok: true })
    const place = made.findIndex(
      ({ input, output }) => input.kind === 'read' && output !== undefined,
    )
    const wrong = made.map((each, at) =>
      at === place ? { ...each, output: { kind: 'value', value: 'never' } as const } : each,
    )
    if (place !== -1) expect(check(wrong, entryModel).ok, `seed ${seed}`).toBe(false)
  }
})

/** Five at once, of whom each acts at a moment of its own between call and return. */
function simulated(seed: number): readonly EntryOperation[] {
  let left = seed
  // Numerical Recipes' generator: enough to be different each time.
  const random = randomFrom(() => (left = (left * 1_664_525 + 1_013_904_223) >>> 0) / 2 ** 32)
  const drawn = Array.from({ length: 60 }, (_, place) => {
    const called = Math.floor(place / 5) * 10 + random.below(10)
    const acts = called + random.below(10)
    return { place, called, acts, returned: acts + random.below(10), kind: random.below(3) }
  })
  let state: string | undefined
  const byAct = drawn
    .toSorted((a, b) => a.acts - b.acts)
    .map(({ place, kind, ...times }) => {
      const isThere = state !== undefined
      if (kind === 2)
        return {
          ...times,
          place,
          input: { kind: 'read' },
          output: { kind: 'value', value: state },
        } as const
      const isMake = kind === 0
      const input = isMake
        ? ({ kind: 'make', value: `v${place}` } as const)
        : ({ kind: 'remove' } as const)
      const isDone = isMake !== isThere
      const isLost = random.below(8) === 0
      // Lost on its way there, or the answer on its way back.
      if (isDone && !(isLost && random.below(2) === 0)) state = isMake ? `v${place}` : undefined
      const output = isLost ? undefined : ({ kind: isDone ? 'done' : 'refused' } as const)
      return { ...times, place, input, output }
    })
  return byAct.map(({ input, output, called, returned }) => ({
    key: 'k',
    input,
    output,
    called,
    returned,
  }))
}
