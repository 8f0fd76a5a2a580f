//! Descriptions of all sorts, mutilated by a seed: reading never throws, what is read is written
//! the same, and whatever we make of it can be read again.

import { expect, test } from 'vitest'
import { seededRandom, type Random } from '../../src/base/random.ts'
import { chosenCodecs, answerHere } from '../../src/sdp/answer-here.ts'
import { linkByKind, mayStay, payloadMap } from '../../src/sdp/bridge.ts'
import { codecsOf } from '../../src/sdp/codec.ts'
import type { Description } from '../../src/sdp/description.ts'
import { BOTH_WAYS } from '../../src/sdp/direction.ts'
import { newLocalSide, say } from '../../src/sdp/local-side.ts'
import { parseSdp } from '../../src/sdp/parse.ts'
import { linkOffer, refusal, relayedAnswer, relayedOffer } from '../../src/sdp/relay.ts'
import { serializeSdp } from '../../src/sdp/serialize.ts'

const ROUNDS = 20_000
const OURS = {
  address: { family: 'IP4', host: '192.0.2.5' },
  ports: Array.from({ length: 64 }, (_, index) => 30_000 + 2 * index),
} as const
const LINES = [
  ['v=0', 'o=a 1 1 IN IP4 10.0.0.1', 's=-', 's=', 't=0 0', 't=', 'b=AS:64', 'k=clear:x', 'z=0'],
  ['c=IN IP4 10.0.0.1', 'c=IN IP6 2001:db8::1', 'c=IN IP4 0.0.0.0', 'c=', 'c=IN IP4', 'i=x'],
  ['m=audio 4000 RTP/AVP 0 8 101', 'm=video 4002 RTP/AVPF 97', 'm=audio 0 RTP/AVP 0'],
  ['m=audio 4000 RTP/SAVP 0', 'm=image 4 udptl t38', 'm=audio 4000/2 RTP/AVP 0', 'm=text 2'],
  ['a=rtpmap:101 telephone-event/8000', 'a=rtpmap:97 VP8/90000', 'a=rtpmap:0', 'a=rtpmap:'],
  ['a=fmtp:101 0-15', 'a=sendonly', 'a=recvonly', 'a=inactive', 'a=sendrecv', 'a=rtcp:1'],
  ['a=rtcp-mux', 'a=ice-ufrag:x', 'a=crypto:1 x', 'a=ptime:20', 'a=', 'a=x', '=', 'x', ''],
].flat()

test(`${ROUNDS} descriptions`, () => {
  const random = seededRandom(4566)
  let before: Description | undefined
  let read = 0
  for (let round = 0; round < ROUNDS; round++) {
    const parsed = parseSdp(mutilated(random))
    if (!parsed.ok) {
      expect(parsed.error.reason).not.toBe('')
      continue
    }
    read++
    const description = parsed.value
    expect(parseSdp(serializeSdp(description))).toEqual(parsed)
    if (before !== undefined) exchange(before, description)
    before = description
  }
  expect(read).toBeGreaterThan(ROUNDS / 4)
})

/** One offers, the other answers, and both are joined; all that is made can be read. */
function exchange(offer: Description, answer: Description): void {
  refusal(offer)
  const links = linkOffer(offer, [], undefined)
  const told = relayedOffer(offer, links, undefined, OURS)
  const again = relayedOffer(offer, linkOffer(offer, links, told), told, OURS)
  expect(again).toEqual(told)
  const back = relayedAnswer(answer, offer, links, OURS)
  expect(back.media).toHaveLength(offer.media.length)
  const wants = answer.media.map(() => BOTH_WAYS)
  const side = { told, described: answer, wants }
  mayStay(side, side, linkByKind(told, answer))
  const [one, other] = [told.media[0], answer.media[0]]
  if (one !== undefined && other !== undefined) payloadMap(one, other)
  const chosen = chosenCodecs(offer, (_, codecs) => codecs[0])
  for (const made of [told, back, answerHere(offer, chosen, OURS)]) {
    const { text } = say(newLocalSide('1'), made, OURS.address)
    const reread = parseSdp(text)
    expect(reread.ok, text).toBe(true)
    expect(text).not.toMatch(/[\r\n](a=ice-ufrag:|a=crypto:|k=)/)
    for (const section of made.media) codecsOf(section)
  }
}

function mutilated(random: Random): string {
  const count = 1 + random.below(25)
  const lines = Array.from({ length: count }, () => LINES[random.below(LINES.length)] ?? '')
  let text = ['v=0', 'c=IN IP4 10.0.0.9', ...lines].join(random.chance(1, 2) ? '\r\n' : '\n')
  for (let times = random.below(4); times > 0; times--) {
    if (random.chance(2, 3)) continue
    const at = random.below(text.length)
    const junk = String.fromCharCode(random.below(256))
    text = text.slice(0, at) + (random.chance(1, 2) ? junk : '') + text.slice(at + random.below(3))
  }
  return text
}
