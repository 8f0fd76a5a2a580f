//! Every command against a real console over a real store.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { wallTime } from '../../src/base/time.ts'
import { writeRunFile } from '../../src/config/run-file.ts'
import type { CdrView } from '../../src/console/api/shapes.ts'
import { openWorld, TENANT, type World } from '../console/world.ts'
import { ended } from '../store/commands.ts'
import { run, type Ran } from './run.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
  writeRunFile(world.data, { pid: process.pid, api: world.url })
})
afterAll(() => world.close())

const pbx = (line: string, stdin = ''): Promise<Ran> =>
  run([...line.split(' '), ...(line.includes('--api') ? [] : ['--data', world.data])], stdin)

test('status', async () => {
  const { code, out } = await pbx('status')
  expect(code).toBe(0)
  expect(out).toMatch(/^health {6}ok\nserver {6}pbx-1, version 1\.2\.3, up 0:0\d\n/)
  expect(out).toContain('sip         udp 5060\n')
  expect(out).toMatch(/^schema {6}\d+$/m)
  world.live.healthy = false
  const failing = await pbx('status')
  expect([failing.code, failing.out]).toEqual([1, expect.stringContaining('store: the <disk>')])
  world.live.healthy = true
})

test('what was asked for wrongly is told as such', async () => {
  const weak = await pbx('extension add 1099 --password sekret7')
  expect([weak.code, weak.error]).toEqual([2, expect.stringContaining('fewer than 8')])
  const odd = await pbx('extension add 10/99')
  expect([odd.code, odd.error]).toEqual([2, expect.stringContaining('characters other than')])
  expect((await pbx('extension remove 1099')).code).toBe(1)
})

test('an import says how many passwords are weak, and takes them', async () => {
  const file = join(world.data, 'weak.csv')
  const rows = ['pbx.example,1098,pw-bob', 'pbx.example,1097,pw-alice', 'pbx.example,1096,x,"A\tB"']
  writeFileSync(file, rows.join('\n'))
  const ran = await pbx(`import ${file}`)
  expect(ran.out).toMatch(/, 1 bad, 1 with a password shorter than 8\n$/)
  expect(ran.error).toContain('line 3: the display name has control characters')
  for (const user of ['1098', '1097']) await pbx(`extension remove ${user}`)
})

test('extensions: add, list, passwd, remove', async () => {
  expect(await pbx('extension add 1001 --name Bob --password sekret77')).toEqual({
    code: 0,
    out: '1001@pbx.example password sekret77\n',
    error: '',
  })
  const generated = await pbx('extension add 1002@alias.example')
  expect(generated.out).toMatch(/^1002@pbx\.example password [a-z2-9]{14}\n$/)
  const list = await pbx('extension list')
  expect(list.out).toMatch(
    /^EXTENSION +DOMAIN +NAME +ENABLED +CHANGED\n1001 +pbx\.example +Bob +yes +20.*\n1002 .*\n$/,
  )
  const json = await pbx('extension list --json --limit 1')
  expect(JSON.parse(json.out)).toMatchObject({ extension: '1001', displayName: 'Bob' })
  const stdin = await pbx('extension passwd 1001 --password-stdin', 'from a pipe\n')
  expect(stdin.out).toBe('1001@pbx.example password from a pipe\n')
  expect(await pbx('extension remove 1002')).toMatchObject({ code: 0, out: 'removed 1002\n' })
  expect(await pbx('extension remove 1002')).toMatchObject({
    code: 1,
    error: 'pbx: there is no extension 1002@pbx.example\n',
  })
})

test('import: bad lines are told with their reason, and then it exits with 1', async () => {
  const file = join(world.data, 'people.csv')
  const rows = Array.from({ length: 5_000 }, (_, index) => `pbx.example,${5000 + index},secret-pw`)
  rows.splice(100, 0, 'pbx.example,50 50,secret-pw,Bad', 'just one field')
  writeFileSync(file, rows.join('\n'))
  const ran = await pbx(`import ${file}`)
  expect(ran.code).toBe(1)
  expect(ran.out).toMatch(/^imported 5,000 of 5,002 lines in \d+\.\d s \([\d,]+\/s\), 2 bad\n$/)
  expect(ran.error).toContain('line 101: the extension "50 50" has characters other than')
  expect(ran.error).toContain('line 102: 1 fields; expected domain,extension,password')
  const clean = await pbx('import -', 'pbx.example,9001,secret-pw\n')
  expect([clean.code, clean.out]).toEqual([0, expect.stringMatching(/^imported 1 of 1 lines/)])
  const absent = await pbx('import /nowhere.csv')
  expect([absent.code, absent.error]).toEqual([2, expect.stringContaining('cannot be read')])
})

test('registrations, calls, hangup', async () => {
  expect((await pbx('registrations')).out).toBe('nobody is registered\n')
  const contact = {
    uri: 'sip:1001@192.0.2.7',
    transport: 'udp',
    address: '192.0.2.7:5060',
    userAgent: 'Phone\u001b[2J',
    q: 1,
    behindNat: true,
    expiresIn: 3723,
  }
  world.live.registrations = [{ aor: 'sip:1001@pbx.example', contacts: [contact] }]
  expect((await pbx('registrations')).out).toBe(
    'AOR               DEVICE AT           NAT  Q  EXPIRES IN  USER AGENT\n' +
      '1001@pbx.example  udp 192.0.2.7:5060  yes  1     1:02:03  Phone?[2J\n',
  )
  expect((await pbx('calls')).out).toBe('no calls are up\n')
  const startedAt = wallTime(Date.now() - 5_000)
  const call = { id: 'c1', caller: '1001', callee: '1002', state: 'ringing', startedAt }
  world.live.calls = [{ ...call, answeredAt: undefined }]
  expect((await pbx('calls')).out).toMatch(/\nc1 +1001 +1002 +ringing +0:0[5-9]\n$/)
  expect((await pbx('hangup c1')).out).toBe('ended c1\n')
  expect((await pbx('hangup c9')).code).toBe(1)
})

test('trace: the ladder, or whole messages without the proof of a password', async () => {
  expect((await pbx('trace c1')).out).toContain('--- INVITE sip:1002@pbx --')
  expect((await pbx('trace c1 --messages')).out).toContain('Digest response="***"')
  expect((await pbx('trace nothing')).error).toContain('there is no call nothing')
})

test('cdrs', async () => {
  expect((await pbx('cdrs')).out).toBe('no call has ended yet\n')
  // More than a page of the API, all of one millisecond.
  const calls = Array.from({ length: 1_005 }, (_, place) => `c${place}`)
  const part = { tenant: TENANT, startedAt: wallTime(5) }
  await Promise.all(calls.map((call) => world.store.propose(ended(call, part))))
  const { out } = await pbx('cdrs --json --limit 2000')
  const told = out.trim().split('\n')
  expect(told).toHaveLength(calls.length)
  expect(new Set(told.map((line) => (JSON.parse(line) as CdrView).call))).toEqual(new Set(calls))
})

test('another system is reached by --api; what goes wrong is said', async () => {
  const api = `--api ${world.url} --token ${world.token}`
  expect((await pbx(`calls ${api}`)).code).toBe(0)
  const ca = join(world.data, 'tls', 'certificate.pem')
  const secure = `--api ${world.secureUrl.replace('127.0.0.1', 'localhost')}`
  expect((await pbx(`calls ${secure} --token ${world.token} --ca ${ca}`)).code).toBe(0)
  const cases: readonly (readonly [string, string])[] = [
    [`--api ${world.url} --token wrong`, 'does not accept this token'],
    [`${secure} --token ${world.token}`, 'a certificate that nobody we trust signed'],
    ['--api http://127.0.0.1:1 --token t', 'nothing listens there'],
    ['--api pbx.example --token t', 'must be a URL'],
  ]
  for (const [options, message] of cases) {
    const ran = await pbx(`calls ${options}`)
    expect([ran.code > 0, ran.error]).toEqual([true, expect.stringContaining(message)])
  }
})

test('drain waits until the calls here have ended, and says so; undrain ends it', async () => {
  const call = { id: 'c1', caller: '1001', callee: '1002', state: 'up' as const }
  world.live.calls = [{ ...call, startedAt: wallTime(0), answeredAt: wallTime(0) }]
  const draining = pbx('drain')
  await expect
    .poll(() => pbx('status'))
    .toMatchObject({
      out: expect.stringContaining('drained     since') as string,
    })
  await sleep(100)
  world.live.calls = []
  const { code, out } = await draining
  expect([code, out.split('\n').slice(1)]).toEqual([0, ['1 call is left', 'no calls are left', '']])
  expect((await pbx('undrain')).out).toBe('this host takes calls again\n')
  expect((await pbx('status')).out).not.toContain('drained')
})

test('where nothing runs, the command says how to name another system', async () => {
  rmSync(join(world.data, 'run.json'))
  const ran = await pbx('status')
  expect([ran.code, ran.error]).toEqual([1, expect.stringContaining('no pbx runs with the data')])
})
