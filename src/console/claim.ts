//! The one-time link by which whoever started the system becomes its first administrator. Only
//! the token's hash is kept, and the store decides in one command who was first.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { field, requireSameOrigin } from '../http/form.ts'
import { hashPassword, hashToken, newToken } from '../store/password.ts'
import { isClaimed, isClaimLink } from '../store/schema/account.ts'
import type { Store } from '../store/store.ts'
import type { Host } from '../base/host.ts'
import type { ConsoleContext } from './context.ts'
import { claimForm, message } from './pages/forms.ts'
import { html } from './pages/html.ts'
import { sendPage } from './pages/page.ts'
import { refusalOf } from './committed.ts'
import { insecureHint, sessionCookie } from './web.ts'

const PASSWORD_MIN = 12
const PASSWORD_MAX = 256
const TITLE = 'pbx: first administrator'

/** A new link's token while there is no administrator; older links end with it. */
export async function issueClaim(store: Store, { wall }: Host): Promise<string | undefined> {
  if (store.read(isClaimed)) return undefined
  const token = newToken()
  const at = wall()
  const issued = await store.propose({
    kind: 'claim.issued',
    tokenHash: hashToken(token),
    at,
  })
  if (!issued.ok) throw refusalOf(issued.error)
  return token
}

export function claimPages(app: FastifyInstance, context: ConsoleContext): void {
  const { access, host, store } = context
  const dead = html`This claim link has been used or is not valid. A new one is printed at each
  start for as long as there is no administrator.`
  const sendDead = (reply: FastifyReply): FastifyReply =>
    sendPage(reply, TITLE, message('Not valid', dead), 410)

  app.get('/claim', (request, reply) => {
    access.refuseFlood(request)
    const token = queryToken(request)
    if (store.read(isClaimed) || token === '') return sendDead(reply)
    const hint = insecureHint(request, context)
    return sendPage(reply, TITLE, claimForm(token, undefined, hint))
  })

  app.post('/claim', async (request, reply) => {
    access.refuseFlood(request)
    requireSameOrigin(request)
    const [token, name] = [field(request, 'token'), field(request, 'name').trim()]
    const password = field(request, 'password')
    // Hashing and a command of the log are for who holds the link only.
    if (store.read(isClaimed)) return sendDead(reply)
    const tokenHash = hashToken(token)
    if (!store.read((db) => isClaimLink(db, tokenHash))) {
      access.countFailure(request, 'claim')
      return sendDead(reply)
    }
    const fault = faultOf(name, password, field(request, 'again'))
    const hint = insecureHint(request, context)
    if (fault !== undefined) return sendPage(reply, TITLE, claimForm(token, fault, hint), 400)
    const claimed = await store.propose({
      kind: 'account.claimed',
      tokenHash,
      account: {
        name,
        role: 'system-administrator',
        tenant: undefined,
        passwordHash: await hashPassword(password),
        createdAt: host.wall(),
      },
    })
    if (!claimed.ok) {
      if (claimed.error.kind !== 'rejected') throw refusalOf(claimed.error)
      return sendDead(reply)
    }
    host.log('info', 'administrator.claimed', { name, source: request.ip })
    void reply.header('set-cookie', sessionCookie(request, access.openSession(name)))
    return reply.redirect('/', 303)
  })
}

function faultOf(name: string, password: string, again: string): string | undefined {
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u.test(name))
    return 'The name must begin with a letter or digit and have at most 64 characters.'
  if (password.length < PASSWORD_MIN)
    return `The password must have at least ${PASSWORD_MIN} characters.`
  if (password.length > PASSWORD_MAX)
    return `The password must have at most ${PASSWORD_MAX} characters.`
  if (password.toLowerCase().includes(name.toLowerCase()))
    return 'The password must not contain the name.'
  return password === again ? undefined : 'The two passwords differ.'
}

function queryToken(request: FastifyRequest): string {
  return new URL(request.url, 'http://here').searchParams.get('token') ?? ''
}
