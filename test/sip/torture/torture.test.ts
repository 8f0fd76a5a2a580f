//! Each message of RFC 4475 and RFC 5118 gets the answer its RFC asks for, and docs/torture.md says
//! which. REWRITE=1 writes the page and the dumps; the diff is the review.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseCredentials } from '../../../src/sip/auth/credentials.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { reasonPhrase } from '../../../src/sip/message/reasons.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { serialize } from '../../../src/sip/message/serialize.ts'
import { invalidity, refusal } from '../../../src/sip/message/validate.ts'
import { screen } from '../../../src/sip/stack/screen.ts'
import { walk } from '../../harness/datadriven.ts'
import { ABLE } from '../message/able.ts'
import { dumpBytes } from '../message/dump.ts'
import { EXPECTATIONS, type Expectation, type Verdict } from './expectations.ts'

const FIXTURES = join(import.meta.dirname, 'fixtures')
const PAGE = join(import.meta.dirname, '../../../docs/torture.md')

type Decision = { readonly verdict: Verdict; readonly why: string }

test('every fixture has its expectation, and every expectation its fixture', () => {
  for (const rfc of [4475, 5118]) {
    const files = readdirSync(join(FIXTURES, `rfc${rfc}`)).map((file) => file.replace('.dat', ''))
    const names = EXPECTATIONS.filter((each) => each.rfc === rfc).map(({ name }) => name)
    expect(names.toSorted()).toEqual(files.toSorted())
  }
})

for (const each of EXPECTATIONS)
  test(`RFC ${each.rfc} §${each.section} ${each.name}`, () => {
    expect(each.allows).toContain(decide(fixture(each)).verdict)
  })

test('what is processed is written so that it reads the same again', () => {
  for (const each of EXPECTATIONS) {
    const result = parseMessage(fixture(each))
    if (!result.ok) continue
    const again = parseMessage(serialize(result.value))
    expect(again.ok && serialize(again.value)).toEqual(serialize(result.value))
  }
})

test('§3.3.1 insuf: a request without Call-ID, From and To is answered with what it has', () => {
  const result = parseMessage(readFileSync(join(FIXTURES, 'rfc4475/insuf.dat')))
  if (!result.ok || result.value.kind !== 'request') throw new Error('insuf does not parse')
  expect(serialize(reply(result.value, 400, { toTag: 'x' })).toString('latin1')).toBe(
    'SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\r\n' +
      'CSeq: 193942 INVITE\r\nContent-Length: 0\r\n\r\n',
  )
})

test('§3.3.7 regaut01: credentials of an unknown scheme are none', () => {
  const result = parseMessage(readFileSync(join(FIXTURES, 'rfc4475/regaut01.dat')))
  if (!result.ok) throw new Error('regaut01 does not parse')
  expect(parseCredentials(result.value.headers.get('authorization') ?? '')).toBeUndefined()
})

test('docs/torture.md says what the code does', () => {
  const page = renderPage()
  if (process.env['REWRITE'] === '1') writeFileSync(PAGE, page)
  else expect(readFileSync(PAGE, 'utf8'), 'run with REWRITE=1 and inspect the diff').toBe(page)
})

walk(
  join(import.meta.dirname, 'testdata'),
  () =>
    ({ words: [path = ''] }) =>
      dumpBytes(readFileSync(join(FIXTURES, `${path}.dat`))),
)

function fixture({ rfc, name }: Expectation): Uint8Array {
  return readFileSync(join(FIXTURES, `rfc${rfc}`, `${name}.dat`))
}

/** As the transport, the stack and the call manager decide between them. */
function decide(bytes: Uint8Array): Decision {
  const result = parseMessage(bytes)
  if (!result.ok) return { verdict: result.error.status ?? 'dropped', why: result.error.rule }
  const message = result.value
  const fault = invalidity(message)
  if (message.kind === 'response')
    return fault === undefined
      ? { verdict: 'processed', why: '' }
      : { verdict: 'dropped', why: fault.reason }
  if (fault !== undefined) return { verdict: fault.status, why: fault.reason }
  const screened = screen(message, false)
  if (screened !== undefined)
    return { verdict: screened.status, why: screened.reason ?? reasonPhrase(screened.status) }
  const refused = refusal(message, ABLE)
  if (refused === undefined) return { verdict: 'processed', why: '' }
  const { status, reason = reasonPhrase(status), headers } = refused
  const unsupported = headers.find(([name]) => name === 'unsupported')?.[1]
  return { verdict: status, why: unsupported === undefined ? reason : `${reason}: ${unsupported}` }
}

function renderPage(): string {
  const rows = EXPECTATIONS.map((each) => {
    const { verdict, why } = decide(fixture(each))
    const place = `${each.rfc} §${each.section}`
    return `| ${place} | \`${each.name}\` | ${each.wants} | ${verdict} | ${why} |`
  })
  return `# Torture messages

What RFC 4475 and RFC 5118 expect for each of their messages, and what this product does with it.
Written by \`test/sip/torture/torture.test.ts\` (\`REWRITE=1\`), which fails when a line is no
longer true or an answer is none that the RFC allows. The messages themselves are in
\`test/sip/torture/fixtures\`.

\`processed\` means that the message passes the parser, \`invalidity\` and \`refusal\`
(\`src/sip/message/validate.ts\`) and the stack's \`screen\`, and goes on its way like any other: a
REGISTER to be challenged, an INVITE to be routed. \`test/sip/torture/product.test.ts\` sends each
message to the running product and hears the same.

| message | name | what the RFC expects | answer | because |
|---|---|---|---|---|
${rows.join('\n')}
`
}
