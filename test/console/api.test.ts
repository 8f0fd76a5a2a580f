import { afterAll, beforeAll, expect, test } from 'vitest'
import { wallTime } from '../../src/base/time.ts'
import type { CdrPage } from '../../src/console/api/shapes.ts'
import { ended } from '../store/commands.ts'
import { openWorld, TENANT, type World } from './world.ts'

let world: World
beforeAll(async () => void (world = await openWorld()))
afterAll(() => world.close())

const json = async (response: Response): Promise<unknown> => response.json()

test('health is 200 while all parts work and 503 with the reason when one does not', async () => {
  const good = await fetch(`${world.url}/healthz`)
  expect([good.status, await json(good)]).toEqual([
    200,
    { healthy: true, checks: [{ name: 'store', ok: true }] },
  ])
  world.live.healthy = false
  const bad = await fetch(`${world.url}/healthz`)
  expect([bad.status, await json(bad)]).toEqual([
    503,
    { healthy: false, checks: [{ name: 'store', ok: false, detail: 'the <disk> is full' }] },
  ])
  world.live.healthy = true
})

test('metrics are served to this machine without a token', async () => {
  const response = await fetch(`${world.url}/metrics`)
  expect(response.status).toBe(200)
  expect(await response.text()).toContain('pbx_http_request_duration_seconds_bucket')
})

test('the API needs its token; the OpenAPI description does not', async () => {
  for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'Basic YTpi' }])
    expect((await fetch(`${world.url}/api/v1/status`, { headers })).status).toBe(401)
  const openapi = await fetch(`${world.url}/api/v1/openapi.json`)
  expect(await json(openapi)).toMatchObject({
    openapi: '3.1.0',
    paths: { '/api/v1/extensions': { get: {}, post: {} }, '/api/v1/calls/{call}/trace': {} },
  })
})

test('status shows the whole picture', async () => {
  expect(await json(await world.api('GET', '/status'))).toMatchObject({
    name: 'pbx-1',
    version: '1.2.3',
    roles: ['call-manager', 'media'],
    endpoints: [{ transport: 'udp', address: '127.0.0.1', port: 5060 }],
    domains: ['pbx.example'],
    health: { healthy: true },
  })
})

test('of two who add the same extension at once one is refused, and changes nothing', async () => {
  const add = (displayName: string): Promise<Response> =>
    world.api('POST', '/extensions', { extension: '2002', displayName, password: 'sekret77' })
  const answers = await Promise.all([add('First'), add('Second')])
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 409]))
  const first = answers[0]?.status === 201
  expect(await json(await world.api('GET', '/extensions?after=2001'))).toMatchObject({
    items: [{ extension: '2002', displayName: first ? 'First' : 'Second' }],
  })
  expect((await world.api('DELETE', '/extensions/pbx.example/2002')).status).toBe(204)
})

test('an extension is added, listed, given a password and removed', async () => {
  const body = { extension: '2001', displayName: 'Zoë', password: 'sekret77' }
  const added = await world.api('POST', '/extensions', body)
  expect([added.status, await json(added)]).toEqual([
    201,
    { extension: '2001', domain: 'pbx.example', password: 'sekret77' },
  ])
  const again = await world.api('POST', '/extensions', body)
  expect([again.status, await json(again)]).toEqual([
    409,
    { error: '2001@pbx.example exists already' },
  ])
  expect(await json(await world.api('GET', '/extensions?domain=alias.example'))).toMatchObject({
    items: [{ extension: '2001', domain: 'pbx.example', displayName: 'Zoë', enabled: true }],
  })
  const path = '/extensions/pbx.example/2001'
  expect(await json(await world.api('PUT', `${path}/password`, {}))).toMatchObject({
    password: expect.stringMatching(/^[a-z2-9]{14}$/),
  })
  expect((await world.api('DELETE', path)).status).toBe(204)
  const gone = await world.api('DELETE', path)
  expect([gone.status, await json(gone)]).toEqual([
    404,
    { error: 'there is no extension 2001@pbx.example' },
  ])
})

test.each([
  [{ extension: '' }, 400, /extension must NOT have fewer than 1 characters/],
  [{ extension: 'a b' }, 400, /has characters other than/],
  [{ extension: '2002', password: 'sekret7' }, 400, /password must NOT have fewer than 8/],
  [{ extension: '2002', displayName: 'Bob\r\nX: y' }, 400, /display name has control characters/],
  [{ extension: '2002', displayName: 'B\u007fb' }, 400, /display name has control characters/],
  [{ extension: '2002', colour: 'red' }, 400, /must NOT have additional properties/],
  [{ extension: '2002', domain: 'nowhere' }, 404, /no domain nowhere; there are: pbx.example/],
])('what cannot be an extension is refused: %j', async (body, status, message) => {
  const refused = await world.api('POST', '/extensions', body)
  expect([refused.status, await json(refused)]).toEqual([
    status,
    { error: expect.stringMatching(message) },
  ])
})

test('pages follow each other by `next`', async () => {
  for (let user = 3001; user <= 3005; user++)
    await world.api('POST', '/extensions', { extension: String(user) })
  const seen: string[] = []
  for (let after = '3000'; after !== '';) {
    const page = await world.api('GET', `/extensions?limit=2&after=${after}`)
    const { items, next = '' } = (await page.json()) as {
      items: { extension: string }[]
      next?: string
    }
    seen.push(items.map(({ extension }) => extension).join(' '))
    after = next
  }
  expect(seen).toEqual(['3001 3002', '3003 3004', '3005'])
})

test('an import streams: each bad line is told, the rest is taken', async () => {
  const rows = Array.from({ length: 20_000 }, (_, index) => {
    if (index % 5_000 === 17) return 'pbx.example,no password'
    return `pbx.example,${100_000 + index},password-${index},"Name, ${index}"`
  })
  const response = await fetch(`${world.url}/api/v1/import`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.token}`, 'content-type': 'text/csv' },
    body: `domain,extension,password,display_name\n${rows.join('\n')}\n`,
  })
  const lines = (await response.text())
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  expect(lines.filter((line) => (line as { kind: string }).kind === 'bad')).toHaveLength(4)
  expect(lines).toContainEqual({
    kind: 'bad',
    line: 19,
    reason: '2 fields; expected domain,extension,password,display_name',
  })
  expect(lines.at(-1)).toMatchObject({ kind: 'done', imported: 19_996, bad: 4 })
  const last = await world.api('GET', '/extensions?after=119998&limit=1')
  expect(await json(last)).toMatchObject({ items: [{ displayName: 'Name, 19999' }] })
})

test('an import that is no CSV upload is refused', async () => {
  const refused = await world.api('POST', '/import', {})
  expect([refused.status, await json(refused)]).toEqual([
    415,
    { error: 'send the file as content-type text/csv' },
  ])
})

test('registrations and calls are what the system says; a call is hung up once', async () => {
  const contacts = [
    {
      uri: 'sip:2001@192.0.2.7',
      transport: 'udp',
      address: '192.0.2.7:5060',
      userAgent: 'Phone/1',
      q: 1,
      behindNat: false,
      expiresIn: 60,
    },
  ]
  world.live.registrations = [{ aor: 'sip:2001@pbx.example', contacts }]
  expect(await json(await world.api('GET', '/registrations'))).toEqual({
    items: [{ aor: 'sip:2001@pbx.example', contacts }],
  })
  const call = { id: 'c1', caller: '2001', callee: '2002', state: 'answered' }
  world.live.calls = [{ ...call, startedAt: wallTime(0), answeredAt: undefined }]
  expect(await json(await world.api('GET', '/calls'))).toEqual({
    items: [{ ...call, startedAt: '1970-01-01T00:00:00.000Z' }],
  })
  expect((await world.api('DELETE', '/calls/c1')).status).toBe(204)
  expect((await world.api('DELETE', '/calls/c2')).status).toBe(404)
  expect(world.live.hungUp).toEqual(['c1', 'c2'])
})

test('a trace shows the messages of a call with the proof of the password masked', async () => {
  expect(await json(await world.api('GET', '/calls/c1/trace'))).toEqual({
    call: 'c1',
    sipCallIds: ['sip-1', 'sip-2'],
    messages: [
      {
        at: '1970-01-01T00:00:00.000Z',
        direction: 'in',
        peer: 'udp 192.0.2.7:5060',
        text: 'INVITE sip:1002@pbx SIP/2.0\r\nAuthorization: Digest response="***"\r\n\r\n',
      },
    ],
  })
  const bySipCallId = await world.api('GET', '/calls/sip-1/trace')
  expect(bySipCallId.status).toBe(200)
  expect((await world.api('GET', '/calls/nothing/trace')).status).toBe(404)
})

test('call detail records are listed', async () => {
  expect(await json(await world.api('GET', '/cdrs'))).toEqual({ items: [] })
  const began = { a: 5, b: 5, c: 5, d: 6, e: 4 }
  for (const [call, at] of Object.entries(began))
    await world.store.propose(ended(call, { tenant: TENANT, startedAt: wallTime(at) }))
  expect(await cdrs('')).toEqual(['d', 'a', 'b', 'c', 'e'])
  const moment = new Date(5).toISOString()
  expect(await cdrs(`before=${moment}`)).toEqual(['e'])
})

test('pages of records lose none that began in the same millisecond', async () => {
  const seen: string[] = []
  for (let query = 'limit=2'; ;) {
    const page = await world.api('GET', `/cdrs?${query}`)
    const { items, next } = (await page.json()) as CdrPage
    seen.push(items.map(({ call }) => call).join(' '))
    if (next === undefined) break
    query = `limit=2&before=${next}`
  }
  expect(seen).toEqual(['d a', 'b c', 'e'])
})

test.each(['yesterday', '2026-99-01T00:00:00Z', '2026-11-21T14:00:00Z,'])(
  'what is no place in the records is refused: %s',
  async (before) => {
    const refused = await world.api('GET', `/cdrs?before=${before}`)
    expect([refused.status, await json(refused)]).toEqual([
      400,
      { error: expect.stringMatching(/before/) },
    ])
  },
)

async function cdrs(query: string): Promise<readonly string[]> {
  const { items } = (await (await world.api('GET', `/cdrs?${query}`)).json()) as CdrPage
  return items.map(({ call }) => call)
}

test('nothing is where nothing was put', async () => {
  const nothing = await world.api('GET', '/nothing')
  expect([nothing.status, await json(nothing)]).toEqual([
    404,
    { error: 'there is nothing at GET /api/v1/nothing' },
  ])
})
