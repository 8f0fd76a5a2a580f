//! Two scripted phones and the real engine in its real worker, over loopback.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { measureTone, sine } from '../harness/sound.ts'
import { openMedia, talking, type Media } from './media-world.ts'

let media: Media
beforeAll(async () => {
  media = await openMedia()
})
afterAll(() => media.close())

test('sound goes both ways through the relay unharmed', async () => {
  const { alice, bob } = await talking(media)
  await Promise.all([alice.say(sine(1017, -12, 8000, 2)), bob.say(sine(440, -20, 8000, 2))])
  await Promise.all([alice.until(100), bob.until(100)])
  const atBob = measureTone(bob.heard(), 8000, 1017)
  expect(atBob.heardMs).toBe(2000)
  expect(atBob.frequency).toBeCloseTo(1017, 1)
  expect(atBob.level).toBeCloseTo(-12, 0)
  expect(atBob).toMatchObject({ gapMs: 0, slips: 0 })
  const atAlice = measureTone(alice.heard(), 8000, 440)
  expect(atAlice.heardMs).toBe(2000)
  expect(atAlice.level).toBeCloseTo(-20, 0)
})
