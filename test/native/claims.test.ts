//! Who has an address, asked on a LAN of network namespaces with real kernels.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildNative } from '../../src/native/build.ts'
import { canMakeLan, Lan, type LanHost } from '../harness/lan.ts'

const built = await buildNative()
const can = canMakeLan() && built.ok
const FOUR = '10.9.0.100'
const SIX = 'fd00:9::100'

/** Asks for the first, waits, and says what it has heard of each. */
const ASK = `const module_ = { exports: {} }
  process.dlopen(module_, process.argv[1])
  const { askForClaims, claims } = module_.exports
  const [asked, ...addresses] = process.argv.slice(2)
  const why = addresses.map((each) => each === asked ? askForClaims('eth0', each) : '').join('')
  setTimeout(() => {
    const heard = addresses.map((each) => claims('eth0', each) || 'nobody').join(' ')
    process.stdout.write(why || heard)
  }, 300)`

/** At an interface that is not there, and at one that is. */
const ASK_BOTH = `const module_ = { exports: {} }
  process.dlopen(module_, process.argv[1])
  const { askForClaims, claims } = module_.exports
  const said = ['eth7', 'eth0'].map((each) => askForClaims(each, process.argv[2]))
  setTimeout(() => {
    const heard = ['eth7', 'eth0'].map((each) => claims(each, process.argv[2]))
    process.stdout.write(JSON.stringify([...said, ...heard]))
  }, 300)`

/** With no file left to open. */
const WITHOUT_FILES = `const module_ = { exports: {} }
  process.dlopen(module_, process.argv[1])
  const { announce, askForClaims, tickle } = module_.exports
  try { for (;;) require('node:fs').openSync('/dev/null') } catch {}
  const address = process.argv[2]
  const said = [announce('eth0', address), askForClaims('eth0', address)]
  console.log([...said, tickle(address, 1, address, 1)].join('; '))`

let lan: Lan
let asker: LanHost
let first: LanHost
let second: LanHost

beforeAll(() => {
  if (!can) return
  lan = new Lan('claims')
  asker = lan.host('asker', 1)
  first = lan.host('first', 2)
  second = lan.host('second', 3)
})
afterAll(() => lan?.remove())

function ask(address: string): string {
  const path = built.ok ? built.value : ''
  return asker.run(process.execPath, '-e', ASK, path, address, FOUR, SIX)
}

const has = (host: LanHost, address: string): unknown =>
  host.run('ip', 'addr', 'add', address, 'dev', 'eth0', 'nodad')

test.skipIf(!can)('nobody, one host, and two', () => {
  expect([ask(FOUR), ask(SIX)]).toEqual(['nobody nobody', 'nobody nobody'])
  has(first, `${FOUR}/24`)
  has(first, `${SIX}/64`)
  expect([ask(FOUR), ask(SIX)]).toEqual([`${first.mac} nobody`, `nobody ${first.mac}`])
  has(second, `${FOUR}/24`)
  has(second, `${SIX}/64`)
  const both = [first.mac, second.mac].toSorted().join(' ')
  expect([ask(FOUR), ask(SIX)]).toEqual([`${both} nobody`, `nobody ${both}`])
  // Its own it does not hear.
  has(asker, `${FOUR}/24`)
  expect(ask(FOUR)).toBe(`${both} nobody`)
})

test.skipIf(!can)('at an interface that is not there nothing is heard of the others', () => {
  const path = built.ok ? built.value : ''
  const said = JSON.parse(asker.run(process.execPath, '-e', ASK_BOTH, path, FOUR)) as unknown
  const both = [first.mac, second.mac].toSorted().join(' ')
  expect(said).toEqual(['there is no such interface', '', '', both])
})

test.skipIf(!can)('with too many open files it is not said that a capability is missing', () => {
  const limited = ['-c', 'ulimit -n 100; exec "$0" "$@"', process.execPath]
  const why = 'Too many open files'
  const path = built.ok ? built.value : ''
  const said = asker.run('sh', ...limited, '-e', WITHOUT_FILES, path, FOUR)
  expect(said).toBe(`${why}; ${why}; ${why}\n`)
})
