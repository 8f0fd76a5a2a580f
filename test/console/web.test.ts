import { hash } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openWorld, TENANT, type World } from './world.ts'

let world: World
beforeEach(async () => void (world = await openWorld()))
afterEach(() => world.close())

const PASSWORD = 'correct horse battery'

function post(path: string, fields: Record<string, string>, headers = {}): Promise<Response> {
  return fetch(`${world.url}${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: world.url, 'sec-fetch-site': 'same-origin', ...headers },
    body: new URLSearchParams(fields),
  })
}

function claim(changes: Record<string, string> = {}, headers = {}): Promise<Response> {
  const fields = { token: world.claim ?? '', name: 'ann', password: PASSWORD, again: PASSWORD }
  return post('/claim', { ...fields, ...changes }, headers)
}

const cookieOf = (response: Response): string =>
  (response.headers.get('set-cookie') ?? '').split(';')[0] ?? ''

test('the claim link makes one administrator and is dead then', async () => {
  const form = await fetch(`${world.url}/claim?token=${world.claim}`)
  expect(form.status).toBe(200)
  expect(await form.text()).toContain(`value="${world.claim}"`)
  const claimed = await claim()
  expect([claimed.status, claimed.headers.get('location')]).toEqual([303, '/'])
  expect(claimed.headers.get('set-cookie')).toMatch(/^pbx_session=.+; HttpOnly; SameSite=Strict$/)
  const page = await fetch(world.url, { headers: { cookie: cookieOf(claimed) } })
  expect(await page.text()).toContain('Sign out')
  expect((await claim({ name: 'mallory' })).status).toBe(410)
  expect((await fetch(`${world.url}/claim?token=${world.claim}`)).status).toBe(410)
})

test.each([
  [{ name: '' }, 'The name must'],
  [{ name: '<b>' }, 'The name must'],
  [{ password: 'short', again: 'short' }, 'at least 12 characters'],
  [{ password: 'annannannann', again: 'annannannann' }, 'must not contain the name'],
  [{ again: 'something else' }, 'The two passwords differ'],
])('a claim with %j is sent back with the reason', async (changes, reason) => {
  const back = await claim(changes)
  expect(back.status).toBe(400)
  expect(await back.text()).toContain(reason)
  expect((await claim()).status).toBe(303)
})

test('a claim from a page of another site, or with a wrong token, does nothing', async () => {
  expect((await claim({}, { origin: 'http://evil.example' })).status).toBe(403)
  expect((await claim({}, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
  expect((await claim({ token: 'wrong' })).status).toBe(410)
  expect((await claim()).status).toBe(303)
})

test('a session is a cookie that neither scripts nor other sites can use', async () => {
  await claim()
  expect((await post('/sign-in', { name: 'ann', password: 'wrong' })).status).toBe(401)
  expect((await post('/sign-in', { name: 'bob', password: PASSWORD })).status).toBe(401)
  const inside = await post('/sign-in', { name: 'ann', password: PASSWORD })
  expect(inside.status).toBe(303)
  const cookie = cookieOf(inside)
  const api = `${world.url}/api/v1/extensions`
  expect((await fetch(api, { headers: { cookie } })).status).toBe(200)
  const foreign = { cookie, origin: 'http://evil.example', 'content-type': 'application/json' }
  const body = JSON.stringify({ extension: '1' })
  expect((await fetch(api, { method: 'POST', headers: foreign, body })).status).toBe(403)
  expect((await post('/sign-out', {}, { cookie })).status).toBe(303)
  expect((await fetch(api, { headers: { cookie } })).status).toBe(401)
})

test('who guesses is slowed down', async () => {
  const statuses: number[] = []
  for (let count = 0; count < 12; count++)
    statuses.push((await post('/sign-in', { name: 'ann', password: 'guess' })).status)
  expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 401))
  expect(statuses.slice(10)).toEqual([429, 429])
  const authorization = 'Bearer guess'
  const waiting = await fetch(`${world.url}/api/v1/status`, { headers: { authorization } })
  expect([waiting.status, Number(waiting.headers.get('retry-after')) > 0]).toEqual([429, true])
  expect((await world.api('GET', '/status')).status).toBe(200)
})

test('who guesses many at once is slowed down as well', async () => {
  const guess = (): Promise<Response> => post('/sign-in', { name: 'ann', password: 'guess' })
  const answers = await Promise.all(Array.from({ length: 60 }, guess))
  const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b)
  expect(statuses).toEqual([...Array<number>(10).fill(401), ...Array<number>(50).fill(429)])
})

test('who knows the password is not slowed down', async () => {
  await claim()
  const rightly = { name: 'ann', password: PASSWORD }
  for (let count = 0; count < 12; count++)
    expect((await post('/sign-in', rightly)).status).toBe(303)
})

test('a claim of what is claimed, or with a wrong token, costs the store nothing', async () => {
  const before = await nextIndex()
  expect((await claim({ token: 'wrong' })).status).toBe(410)
  expect(await nextIndex()).toBe(before + 1)
  await claim()
  const claimed = await nextIndex()
  for (let count = 0; count < 12; count++) expect((await claim()).status).toBe(410)
  expect(await nextIndex()).toBe(claimed + 1)
})

/** Of the log: every proposal takes one, also those that are refused. */
async function nextIndex(): Promise<number> {
  const domain = 'alias.example'
  const put = await world.store.propose({ kind: 'domain.add', tenant: TENANT, domain })
  return put.ok ? put.value : Number.NaN
}

test('a stranger sees no more than health, roles, version and transports', async () => {
  world.live.healthy = false
  const response = await fetch(world.url)
  const page = await response.text()
  expect(page).toContain('needs attention')
  expect(page).toContain('the &lt;disk&gt; is full')
  expect(page).toContain('1.2.3')
  for (const secret of ['pbx.example', 'Sign out', 'Runtime', world.token])
    expect(page).not.toContain(secret)
  const policy = response.headers.get('content-security-policy') ?? ''
  const style = /<style>([^]*)<\/style>/.exec(page)?.[1] ?? ''
  expect(policy).toContain(`style-src 'sha256-${hash('sha256', style, 'base64')}'`)
  expect(response.headers.get('referrer-policy')).toBe('same-origin')
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toContain('unsafe')
  expect(page).not.toContain('<script')
})
