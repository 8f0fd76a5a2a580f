//! Answers at an address: of one owner at a time, or not.

import { expect, test } from 'vitest'
import { leadersOf, secondOwner, type Answer } from './owners.ts'

/** `node asked-answered`, by the comma. */
function answers(text: string): readonly Answer[] {
  return text.split(', ').map((each) => {
    const [node = '', times = ''] = each.split(' ')
    const [asked = 0, answered = 0] = times.split('-').map(Number)
    return { node, asked, answered }
  })
}

const LEADERS = new Map([
  [3, 'a'],
  [4, 'b'],
  [6, 'a'],
])

test.each([
  ['a 1-2, a 3-4', 'one owner'],
  ['a 1-2, b 3-4, a 5-6', 'each in a term of its own'],
  ['b 3-4, a 5-6', 'who led earlier was never asked'],
  ['a 1-2, b 3-5, a 4-6, b 7-8', 'an answer on its way while the address moved'],
])('%s: %s', (text) => {
  expect(secondOwner(answers(text), LEADERS)).toBeUndefined()
})

test.each([
  ['a 1-2, c 3-4', 'who never led'],
  ['a 1-2, b 3-4, a 5-6, b 7-8', 'who leads no more'],
  ['a 1-2, b 3-5, a 6-7, b 8-9', 'an answer that was asked for after the address had moved'],
])('refused: %s: %s', (text) => {
  expect(secondOwner(answers(text), LEADERS)).toMatch(/answered/)
})

test('leaders are read from the logs', () => {
  const line = (leader: string, term: number): string =>
    `{"node":"n1","leader":"${leader}","term":${term},"event":"leader.changed"}\n`
  const named = (id: string): string => id.replace('node-', 'n')
  const logs = [line('node-1', 2) + line('node-2', 3), line('node-2', 3)]
  expect([...leadersOf(logs, named)]).toEqual([
    [2, 'n1'],
    [3, 'n2'],
  ])
  expect(() => leadersOf([...logs, line('node-3', 2)], named)).toThrow(/term 2 had two leaders/)
})
