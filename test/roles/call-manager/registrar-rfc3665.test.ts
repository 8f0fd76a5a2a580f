//! The registrations of RFC 3665 §2, message by message, against a real store.

import { beforeAll, afterAll, describe, expect, test } from 'vitest'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { bindingsOf } from '../../../src/store/schema/binding.ts'
import { RegistrarWorld, sourceOf, withCredentials } from './registrar-world.ts'

const BOB = { user: 'bob', password: 'zanzibar' }
const AOR = 'sip:bob@biloxi.example.com'
const source = sourceOf('tls', '192.0.2.201', 61000)

let world: RegistrarWorld
beforeAll(async () => {
  world = await RegistrarWorld.open()
  await world.tenant('biloxi.example.com', BOB)
})
afterAll(() => world.stop())

function register(callId: string, cseq: number, ...fields: readonly string[]): string {
  const lines = [
    'REGISTER sips:ss2.biloxi.example.com SIP/2.0',
    `Via: SIP/2.0/TLS client.biloxi.example.com:5061;branch=z9hG4bKnashds${cseq}`,
    'Max-Forwards: 70',
    'From: Bob <sips:bob@biloxi.example.com>;tag=a73kszlfl',
    'To: Bob <sips:bob@biloxi.example.com>',
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} REGISTER`,
    ...fields,
    'Content-Length: 0',
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

function contacts(response: SipResponse | undefined): readonly string[] {
  return response?.headers.all('contact') ?? []
}

function stored(): readonly string[] {
  return world.store.read((db) => bindingsOf(db, AOR)).map(({ contact }) => contact)
}

describe('RFC 3665', () => {
  test('§2.1 successful new registration', async () => {
    const f1 = register(
      '1j9FpLxk3uxtm8tn@biloxi.example.com',
      1,
      'Contact: <sips:bob@client.biloxi.example.com>',
    )
    const f2 = await world.receive(f1, source)
    expect(f2?.status).toBe(401)
    expect(f2?.headers.get('to')).toMatch(/^"?Bob"? <sips:bob@biloxi\.example\.com>;tag=\w+$/)
    expect(f2?.headers.get('from')).toBe('Bob <sips:bob@biloxi.example.com>;tag=a73kszlfl')
    expect(f2?.headers.all('www-authenticate')).toEqual([
      expect.stringMatching(
        /^Digest realm="biloxi\.example\.com", nonce="[^"]+", algorithm=SHA-256/,
      ),
      expect.stringMatching(/^Digest realm="biloxi\.example\.com", nonce="[^"]+", algorithm=MD5/),
    ])
    const f4 = await world.receive(withCredentials(f1, f2, BOB), source)
    expect(f4?.status).toBe(200)
    expect(f4?.headers.get('cseq')).toBe('2 REGISTER')
    expect(contacts(f4)).toEqual(['<sips:bob@client.biloxi.example.com>;expires=600'])
    // On disk before the 200.
    expect(stored()).toEqual(['sips:bob@client.biloxi.example.com'])
    expect(world.registrar.location.lookup(AOR).map(({ flow }) => flow)).toEqual([source.flow])
  })

  test('§2.2 update of contact list', async () => {
    const f1 = register(
      '1j9FpLxk3uxtm8tn-2@biloxi.example.com',
      1,
      'Contact: mailto:bob@biloxi.example.com',
    )
    const f2 = await world.receive(f1, source)
    expect(f2?.status).toBe(401)
    const f4 = await world.receive(withCredentials(f1, f2, BOB), source)
    expect(f4?.status).toBe(200)
    expect(contacts(f4)).toEqual([
      '<sips:bob@client.biloxi.example.com>;expires=600',
      '<mailto:bob@biloxi.example.com>;expires=600',
    ])
    // Listed, and never called.
    expect(world.registrar.location.lookup(AOR).length).toBe(1)
  })

  test('§2.3 request for current contact list', async () => {
    const f1 = register('1j9FpLxk3uxtm8tn-4@biloxi.example.com', 1)
    const f2 = await world.receive(f1, source)
    const f4 = await world.receive(withCredentials(f1, f2, BOB), source)
    expect(f4?.status).toBe(200)
    expect(contacts(f4).length).toBe(2)
  })

  test('§2.4 cancellation of registration', async () => {
    const f1 = register('1j9FpLxk3uxtm8tn-5@biloxi.example.com', 1, 'Expires: 0', 'Contact: *')
    const f2 = await world.receive(f1, source)
    const f4 = await world.receive(withCredentials(f1, f2, BOB), source)
    expect(f4?.status).toBe(200)
    expect(contacts(f4)).toEqual([])
    expect(stored()).toEqual([])
    expect(world.registrar.location.size).toBe(0)
  })

  test('§2.5 unsuccessful registration', async () => {
    const f1 = register(
      '1j9FpLxk3uxtm8tn-6@biloxi.example.com',
      1,
      'Contact: <sips:bob@client.biloxi.example.com>',
    )
    const f2 = await world.receive(f1, source)
    const wrong = withCredentials(f1, f2, { user: 'bob', password: 'guess' })
    const f4 = await world.receive(wrong, source)
    expect(f4?.status).toBe(401)
    expect(f4?.headers.get('www-authenticate')).not.toContain('stale')
    expect(world.registrar.location.size).toBe(0)
  })
})
