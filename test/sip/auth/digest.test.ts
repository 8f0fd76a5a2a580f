//! The RFCs' own sums, and that nothing but the right answer verifies.

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { formatChallenge, parseChallenge, type Challenge } from '../../../src/sip/auth/challenge.ts'
import {
  formatCredentials,
  nonceCount,
  parseCredentials,
  type Credentials,
} from '../../../src/sip/auth/credentials.ts'
import { answer, ha1, hashBody, verify } from '../../../src/sip/auth/digest.ts'
import { bytesOf } from '../../../src/sip/message/text.ts'
import { walk } from '../../harness/datadriven.ts'
import { show } from '../message/dump.ts'

const RFC7616: Omit<Challenge, 'algorithm'> = {
  realm: 'http-auth@example.org',
  nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
  qop: ['auth', 'auth-int'],
  opaque: 'FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS',
  stale: false,
}
const MUFASA = {
  user: 'Mufasa',
  password: 'Circle of Life',
  method: 'GET',
  uri: '/dir/index.html',
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  nonceCount: 1,
}

test('RFC 7616 §3.9.1, MD5 and SHA-256', () => {
  const response = (algorithm: Challenge['algorithm']): string =>
    answer({ challenge: { ...RFC7616, algorithm }, ...MUFASA }).response
  expect(response('MD5')).toBe('8ca523f5e9506fed4657c9700eebdbec')
  expect(response('SHA-256')).toBe(
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  )
})

test('RFC 7616 §3.9.2 as its erratum 4897 has it: SHA-512-256, a name in UTF-8', () => {
  const challenge: Challenge = {
    realm: 'api@example.org',
    nonce: '5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK',
    algorithm: 'SHA-512-256',
    qop: ['auth'],
    opaque: 'HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDssOS',
    stale: false,
  }
  const { response } = answer({
    challenge,
    user: bytesOf('Jäsøn Doe'),
    password: 'Secret, or not?',
    method: 'GET',
    uri: '/doe.json',
    cnonce: 'NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v',
    nonceCount: 1,
  })
  expect(response).toBe('3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5')
})

test('RFC 2617 §3.5, and RFC 2069 without a qop', () => {
  const challenge: Challenge = {
    realm: 'testrealm@host.com',
    nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
    algorithm: 'MD5',
    qop: ['auth'],
    opaque: undefined,
    stale: false,
  }
  const mufasa = { ...MUFASA, cnonce: '0a4f113b' }
  expect(answer({ challenge, ...mufasa, password: 'Circle Of Life' }).response).toBe(
    '6629fae49393a05397450978507c4ef1',
  )
  const old = { ...challenge, qop: [] }
  expect(answer({ challenge: old, ...mufasa, password: 'CircleOfLife' }).response).toBe(
    '1949323746fe6a43ef61f9606e7febea',
  )
})

test('-sess and auth-int against the sums written out', () => {
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex')
  const challenge: Challenge = { ...RFC7616, algorithm: 'MD5-sess', qop: ['auth-int'] }
  const body = Buffer.from('v=0')
  const { response, nonce, cnonce } = answer({ challenge, ...MUFASA, body })
  const secret = md5(`${md5(`Mufasa:${challenge.realm}:Circle of Life`)}:${nonce}:${cnonce}`)
  const target = md5(`GET:/dir/index.html:${md5('v=0')}`)
  expect(response).toBe(md5(`${secret}:${nonce}:00000001:${cnonce}:auth-int:${target}`))
})

test('auth-int does not verify for want of a body hash', () => {
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex')
  const challenge: Challenge = { ...RFC7616, algorithm: 'MD5', qop: ['auth-int'] }
  const credentials = answer({ challenge, ...MUFASA })
  const secret = ha1('MD5', 'Mufasa', challenge.realm, 'Circle of Life')
  const { nonce, cnonce, nc } = credentials
  const response = md5(`${secret}:${nonce}:${nc}:${cnonce}:auth-int:${md5(`GET:${MUFASA.uri}:`)}`)
  const forged = { ...credentials, response }
  expect(verify({ method: 'GET', credentials: forged, ha1: secret })).toBe(false)
})

const ALGORITHMS = ['MD5', 'MD5-sess', 'SHA-256', 'SHA-256-sess', 'SHA-512-256'] as const

for (const algorithm of ALGORITHMS)
  for (const qop of ['auth', 'auth-int'] as const)
    test(`${algorithm} ${qop}: the right answer verifies, any change to it does not`, () => {
      const body = Buffer.from('hello')
      const given = answer({ challenge: { ...RFC7616, algorithm, qop: [qop] }, ...MUFASA, body })
      const secret = ha1(hashName(algorithm), 'Mufasa', RFC7616.realm, 'Circle of Life')
      const check = (changes: Partial<Credentials>, method = 'GET', content = body): boolean => {
        const credentials = parseCredentials(formatCredentials({ ...given, ...changes }))
        if (credentials === undefined) return false
        const bodyHash = hashBody(algorithm, content)
        return verify({ method, credentials, ha1: secret, bodyHash })
      }
      expect(check({})).toBe(true)
      expect(check({ response: given.response.toUpperCase() })).toBe(true)
      expect(check({}, 'POST')).toBe(false)
      expect(check({ uri: '/dir/other.html' })).toBe(false)
      expect(check({ nonce: 'other' })).toBe(false)
      expect(check({ nc: '00000002' })).toBe(false)
      expect(check({ cnonce: 'other' })).toBe(false)
      expect(check({ response: given.response.slice(1) })).toBe(false)
      expect(check({ response: '' })).toBe(false)
      expect(check({}, 'GET', Buffer.from('hallo'))).toBe(qop === 'auth')
      expect(verify({ method: 'GET', credentials: given, ha1: secret })).toBe(qop === 'auth')
      expect(verify({ method: 'GET', credentials: given, ha1: ha1('MD5', 'a', 'b', 'c') })).toBe(
        false,
      )
    })

function hashName(algorithm: (typeof ALGORITHMS)[number]): 'MD5' | 'SHA-256' | 'SHA-512-256' {
  if (algorithm.startsWith('MD5')) return 'MD5'
  return algorithm === 'SHA-512-256' ? 'SHA-512-256' : 'SHA-256'
}

walk(
  join(import.meta.dirname, 'testdata'),
  () =>
    ({ name, body }) =>
      body
        .map((line) => {
          if (name === 'challenge') {
            const challenge = parseChallenge(line)
            return challenge === undefined ? 'refused' : formatChallenge(challenge)
          }
          const credentials = parseCredentials(line)
          if (credentials === undefined) return 'refused'
          const count = credentials.nc === undefined ? '' : ` # count ${nonceCount(credentials.nc)}`
          return show(`${formatCredentials(credentials)}${count}`, 400)
        })
        .join('\n'),
)
