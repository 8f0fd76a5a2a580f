//! The authenticator by script.
//!
//!     ask METHOD user@domain                 without credentials
//!     login METHOD user@domain PASSWORD      asks, and answers the challenge that comes
//!     again [nc=N] [from=…]                  the last login's nonce once more, one count further
//!     spared [from=…]                        … shown while overload control refuses
//!     advance SECONDS
//!
//! Options: from=10.0.0.1:5060  ua=Phone  as=digest-user  use=MD5  times=N  ports=N (another each)
//! uri=sip:…  (what the credentials are for; otherwise the Request-URI)

import { assert } from '../../../src/base/assert.ts'
import type { Host } from '../../../src/base/host.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { after, millis, seconds, wallTime } from '../../../src/base/time.ts'
import type { TenantId } from '../../../src/control/ids.ts'
import { parseChallenge, type Challenge } from '../../../src/sip/auth/challenge.ts'
import { formatCredentials } from '../../../src/sip/auth/credentials.ts'
import { answer, ha1 } from '../../../src/sip/auth/digest.ts'
import { Headers } from '../../../src/sip/message/headers.ts'
import { request, type SipRequest, type SipResponse } from '../../../src/sip/message/message.ts'
import type { FlowId, Source } from '../../../src/sip/transaction/flow.ts'
import {
  createAuthenticator,
  type Verdict,
} from '../../../roles/call-manager/auth/authenticator.ts'
import { aorOf, type Directory, type Tenant } from '../../../roles/call-manager/directory.ts'
import { walk, type Command } from '../../harness/datadriven.ts'

const TENANT = 't' as TenantId
const REALM = 'pbx.example'
const USERS: Readonly<Record<string, string>> = { alice: 'wonder', bob: 'builder' }

const tenant: Tenant = {
  id: TENANT,
  name: 'T',
  primaryDomain: REALM,
  domains: [REALM, 'voice.example'],
}

const directory: Directory = {
  tenantOf: (domain) => {
    return tenant.domains.includes(domain) || domain === '10.0.0.100' ? tenant : undefined
  },
  extension(id, user) {
    if (USERS[user] === undefined) return undefined
    const aor = aorOf(user, REALM)
    return { tenant: id, user, displayName: user, domain: REALM, aor, enabled: true }
  },
  credentials(_, user) {
    const password = USERS[user]
    if (password === undefined) return undefined
    return {
      md5: ha1('MD5', user, REALM, password),
      sha256: ha1('SHA-256', user, REALM, password),
    }
  },
}

walk(new URL('./testdata/auth', import.meta.url).pathname, () => {
  const bench = new Bench()
  return (command) => bench.run(command)
})

type Login = {
  readonly method: string
  readonly address: string
  readonly challenge: Challenge
  readonly user: string
  readonly password: string
  count: number
}

class Bench {
  #now = millis(1_000_000)
  #lines: string[] = []
  #port = 5060
  #last: Login | undefined
  readonly #host: Host = {
    now: () => this.#now,
    wall: () => wallTime(0),
    random: seededRandom(1),
    wake: () => () => undefined,
    log: (level, event, fields) => {
      this.#lines.push(`log ${level} ${event} ${Object.values(fields ?? {}).join(' ')}`)
    },
  }
  readonly #authenticator = createAuthenticator({ host: this.#host, directory })

  run(command: Command): string {
    this.#lines = []
    const [method = '', address = '', password = ''] = command.words
    const times = Number(command.arg('times') ?? 1)
    switch (command.name) {
      case 'ask':
        for (let n = 0; n < times; n++) this.#ask(method, this.#numbered(address, n), command)
        break
      case 'login':
        for (let n = 0; n < times; n++)
          this.#login(method, this.#numbered(address, n), password, command)
        break
      case 'spared':
      case 'again':
        for (let n = 0; n < times; n++) this.#again(command)
        break
      case 'advance':
        this.#now = after(this.#now, seconds(Number(method)))
        break
      case 'screen': {
        const source = this.#source(command)
        const reason = this.#authenticator.screen(this.#request(method, address, command), source)
        this.#lines.push(reason === undefined ? 'may pass' : `drop ${reason}`)
        break
      }
      default:
        this.#lines.push(`unknown command ${command.name}`)
    }
    return compressed(this.#lines).join('\n') || 'ok'
  }

  /** `user#@…` is another user at every repetition. */
  #numbered(address: string, n: number): string {
    return address.replace('#', String(n))
  }

  #ask(method: string, address: string, command: Command): Challenge[] {
    const verdict = this.#authenticate(this.#request(method, address, command), command)
    return verdict.kind === 'challenge' ? challenges(verdict.response) : []
  }

  #login(method: string, address: string, password: string, command: Command): void {
    if (command.arg('ports') !== undefined) this.#port++
    const offered = this.#ask(method, address, command)
    const wanted = command.arg('use')
    const challenge = offered.find(({ algorithm }) => wanted === undefined || algorithm === wanted)
    if (challenge === undefined) return
    const user = command.arg('as') ?? address.split('@')[0] ?? ''
    const login: Login = { method, address, challenge, user, password, count: 1 }
    this.#last = login
    this.#lines.pop()
    this.#answer(login, command)
  }

  #again(command: Command): void {
    const last = this.#last
    assert(last !== undefined, 'log in first')
    const count = command.arg('nc')
    last.count = count === undefined ? last.count + 1 : Number(count)
    this.#answer(last, command)
  }

  #answer({ method, address, challenge, user, password, count }: Login, command: Command): void {
    const message = this.#request(method, address, command)
    const uri = command.arg('uri') ?? message.uri
    const cnonce = 'c0ffee'
    const nonceCount = count
    const text = { challenge, user, password, method, uri, cnonce, nonceCount }
    const name = method === 'REGISTER' ? 'authorization' : 'proxy-authorization'
    message.headers.add(name, formatCredentials(answer(text)))
    if (command.name === 'spared') {
      const spared = this.#authenticator.hasChallenged(message, this.#source(command))
      return void this.#lines.push(spared ? 'answers us' : 'answers nothing of ours')
    }
    const verdict = this.#authenticate(message, command)
    const again = verdict.kind === 'challenge' ? challenges(verdict.response) : []
    // A phone that sees its nonce again knows that the password was wrong.
    if (again.some(({ nonce }) => nonce === challenge.nonce))
      this.#lines.push(`${this.#lines.pop() ?? ''}, same nonce`)
  }

  #request(method: string, address: string, command: Command): SipRequest {
    const headers = Headers.of([
      ['via', 'SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1'],
      ['from', `<sip:${address}>;tag=f`],
      ['to', method === 'REGISTER' ? `<sip:${address}>` : '<sip:100@pbx.example>'],
      ['call-id', 'c'],
      ['cseq', `1 ${method}`],
      ['user-agent', (command.arg('ua') ?? 'Phone 1.0').replace('_', ' ')],
    ])
    const uri = method === 'REGISTER' ? 'sip:pbx.example' : 'sip:100@pbx.example'
    return request(method, uri, headers)
  }

  #source(command: Command): Source {
    const [address = '10.0.0.1', port = this.#port] = command.arg('from')?.split(':') ?? []
    const flow = `udp:${address}:${port}` as FlowId
    const local = { localAddress: '10.0.0.100', localPort: 5060 }
    return { flow, transport: 'udp', address, port: Number(port), ...local }
  }

  #authenticate(message: SipRequest, command: Command): Verdict {
    const verdict = this.#authenticator.authenticate(message, this.#source(command))
    this.#lines.push(show(verdict))
    return verdict
  }
}

function challenges({ headers }: SipResponse): Challenge[] {
  const texts = [...headers.all('www-authenticate'), ...headers.all('proxy-authenticate')]
  return texts.flatMap((text) => parseChallenge(text) ?? [])
}

function show(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'ok':
      return `ok ${verdict.extension.aor}`
    case 'refuse':
      return `refuse ${verdict.response.status}`
    case 'drop':
      return `drop ${verdict.reason}`
    case 'challenge': {
      const offered = challenges(verdict.response)
      const algorithms = offered.map(({ algorithm }) => algorithm).join(' ')
      const stale = offered.some((each) => each.stale) ? ' stale' : ''
      const tag = verdict.response.headers.get('to')?.includes(';tag=') === true ? '' : ' no tag'
      return `${verdict.response.status} ${offered[0]?.realm}: ${algorithms}${stale}${tag}`
    }
  }
}

/** Runs of the same line as one. */
function compressed(lines: readonly string[]): readonly string[] {
  const short: { text: string; times: number }[] = []
  for (const text of lines) {
    const last = short.at(-1)
    if (last?.text === text) last.times++
    else short.push({ text, times: 1 })
  }
  return short.map(({ text, times }) => (times === 1 ? text : `${times} times ${text}`))
}
