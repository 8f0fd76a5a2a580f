//! Messages between replicas come out as they went in, and nothing else comes out.

import { expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { logIndex, term, type NodeId } from '../../src/raft/entry.ts'
import type { Membership } from '../../src/raft/membership.ts'
import type { Content, RaftMessage } from '../../src/raft/message.ts'
import { decodeMessage, encodeMessage } from '../../src/store/replica/wire.ts'

const [one, big] = [logIndex(1), logIndex(2 ** 53 - 1)]
const membership: Membership = { voters: ['a', 'ü'] as NodeId[], learners: ['c' as NodeId] }
const data = Uint8Array.from([0, 127, 128, 255])

const CONTENTS: readonly Content[] = [
  { kind: 'pre-vote', lastIndex: big, lastTerm: term(127) },
  { kind: 'pre-vote-answer', granted: true },
  { kind: 'vote', lastIndex: one, lastTerm: term(128), asked: true },
  { kind: 'vote-answer', granted: false },
  {
    kind: 'append',
    previousIndex: one,
    previousTerm: term(1),
    commit: big,
    entries: [
      { index: one, term: term(1), payload: { kind: 'empty' } },
      { index: one, term: term(1), payload: { kind: 'command', data } },
      { index: one, term: term(1), payload: { kind: 'membership', membership } },
    ],
  },
  { kind: 'append-answer', match: one },
  { kind: 'append-refused', previousIndex: one, hintIndex: logIndex(0), hintTerm: term(0) },
  { kind: 'heartbeat', round: 16_384, commit: one },
  { kind: 'heartbeat-answer', round: 16_383 },
  {
    kind: 'snapshot',
    snapshot: { index: one, term: term(1), membership, size: 4 },
    offset: 0,
    data,
  },
  { kind: 'snapshot-answer', index: one, offset: 4 },
  { kind: 'timeout-now' },
]

function messageOf(content: Content): RaftMessage {
  return { ...content, from: 'a' as NodeId, to: 'b' as NodeId, term: term(7) }
}

test.each(CONTENTS)('$kind', (content) => {
  const message = messageOf(content)
  const bytes = encodeMessage(message)
  expect(decodeMessage(bytes)).toEqual(message)
  for (let length = 0; length < bytes.length; length++)
    expect(decodeMessage(bytes.subarray(0, length))).toBeUndefined()
  expect(decodeMessage(Uint8Array.from([...bytes, 0]))).toBeUndefined()
})

test('whatever the bytes, nothing is thrown and nothing is endless', () => {
  const random = seededRandom(1)
  for (let round = 0; round < 20_000; round++) {
    const of = CONTENTS[random.below(CONTENTS.length)]
    const bytes = of === undefined ? new Uint8Array(0) : encodeMessage(messageOf(of)).slice()
    for (let change = 0; change <= random.below(4); change++)
      bytes[random.below(bytes.length)] = random.below(256)
    decodeMessage(bytes)
  }
})
