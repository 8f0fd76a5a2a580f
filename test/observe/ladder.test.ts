import { join } from 'node:path'
import { expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { type WallTime, wallTime } from '../../src/base/time.ts'
import { LadderRecorder, type Recorded } from '../../src/observe/ladder-recorder.ts'
import { renderLadder, renderMessages } from '../../src/observe/ladder-text.ts'
import { walk } from '../harness/datadriven.ts'

const clock = (at: WallTime): string => new Date(at).toISOString().slice(11, 23)

/** Each message of the body opens with `in PEER` or `out PEER` after `>`, its lines follow. */
walk(join(import.meta.dirname, 'testdata'), () => (command) => {
  const messages: Recorded[] = []
  for (const block of command.body.join('\n').split(/^> /m).slice(1)) {
    const [head = '', ...lines] = block.split('\n')
    const [direction, ...peer] = head.split(' ')
    messages.push({
      at: wallTime(messages.length * 1000),
      direction: direction === 'in' ? 'in' : 'out',
      peer: peer.join(' '),
      text: lines.join('\r\n'),
    })
  }
  if (command.name === 'ladder') return renderLadder(messages, clock)
  return renderMessages(messages, clock).replaceAll('\n\n', '\n.\n')
})

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

test('the ring holds its bound, forgets the oldest first, and finds the rest by Call-ID', () => {
  const random = seededRandom(7)
  const recorder = new LadderRecorder(64 * 1024)
  const written: { readonly id: string; readonly text: string }[] = []
  for (let count = 0; count < 5000; count++) {
    const id = `call-${random.below(40)}`
    const text = `MESSAGE ${count} Call-ID: ${id}\r\n${'x'.repeat(random.below(3000))}`
    written.push({ id, text })
    const at = wallTime(count)
    recorder.record({ at, direction: 'in', peer: 'udp', sipCallId: id, bytes: bytes(text) })
    if (count % 500 !== 0) continue
    const kept = written.slice(-recorder.size)
    expect(kept.reduce((sum, each) => sum + each.text.length, 0)).toBeLessThanOrEqual(64 * 1024)
    for (const wanted of ['call-1', 'call-2'])
      expect(recorder.messagesOf([wanted]).map(({ text: found }) => found)).toEqual(
        kept.filter((each) => each.id === wanted).map((each) => each.text),
      )
  }
  expect(recorder.size).toBeGreaterThan(20)
})

test('many tiny messages and one too large leave it sound', () => {
  const recorder = new LadderRecorder(4096)
  const record = (id: string, text: string): void =>
    recorder.record({
      at: wallTime(0),
      direction: 'out',
      peer: 'p',
      sipCallId: id,
      bytes: bytes(text),
    })
  for (let count = 0; count < 1000; count++) record('tiny', `tiny ${count}`)
  expect(recorder.messagesOf(['tiny']).at(-1)?.text).toBe('tiny 999')
  record('large', `large ${'x'.repeat(5000)}`)
  expect(recorder.messagesOf(['large'])).toEqual([])
  record('fits', `fits ${'x'.repeat(4000)}`)
  expect(recorder.size).toBe(1)
})

test('the legs of a call are found by what their messages hold', () => {
  const recorder = new LadderRecorder(4096)
  for (const [id, tag] of [
    ['one', 'abc-1'],
    ['two', 'xyz-1'],
    ['three', 'abc-2'],
  ]) {
    const text = `BYE sip:a SIP/2.0\r\nFrom: <sip:b>;tag=${tag}\r\nCall-ID: ${id}\r\n\r\n`
    const message = { at: wallTime(0), direction: 'in', peer: 'p', sipCallId: String(id) } as const
    recorder.record({ ...message, bytes: bytes(text) })
  }
  expect([...recorder.sipCallIdsWith('tag=abc-')]).toEqual(['one', 'three'])
})
