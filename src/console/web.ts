//! The pages for people: status, signing in and out.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isIP } from 'node:net'
import { acceptForms, field, requireSameOrigin } from '../http/form.ts'
import { isLoopback } from '../base/address.ts'
import { SESSION_COOKIE } from './access.ts'
import { statusOf } from './api/status.ts'
import type { ConsoleContext } from './context.ts'
import { encryptionHint, signInForm } from './pages/forms.ts'
import type { Html } from './pages/html.ts'
import { sendPage } from './pages/page.ts'
import { statusPage } from './pages/status-page.ts'

export function webPages(app: FastifyInstance, context: ConsoleContext): void {
  const { access, host, view } = context
  acceptForms(app)

  app.get('/', async (request, reply) => {
    const who = access.session(request)?.name
    const details = who === undefined ? undefined : { who, calls: view.calls() }
    return sendPage(reply, 'pbx', statusPage(await statusOf(context), details, host.wall()))
  })

  app.get('/sign-in', (request, reply) =>
    sendPage(reply, 'pbx: sign in', signInForm(undefined, insecureHint(request, context))),
  )

  app.post('/sign-in', async (request, reply) => {
    requireSameOrigin(request)
    const name = field(request, 'name').trim()
    const session = await access.signIn(request, name, field(request, 'password'))
    if (session === undefined) {
      const form = signInForm('Name and password do not fit.', insecureHint(request, context))
      return sendPage(reply, 'pbx: sign in', form, 401)
    }
    void reply.header('set-cookie', sessionCookie(request, session))
    return reply.redirect('/', 303)
  })

  app.post('/sign-out', (request, reply) => {
    requireSameOrigin(request)
    access.signOut(request)
    void reply.header('set-cookie', `${sessionCookie(request, '')}; Max-Age=0`)
    return reply.redirect('/', 303)
  })
}

export function sessionCookie(request: FastifyRequest, id: string): string {
  const secure = request.protocol === 'https' ? '; Secure' : ''
  return `${SESSION_COOKIE}=${id}; Path=/; HttpOnly; SameSite=Strict${secure}`
}

/** Passwords in the clear over a network are advised against, on this machine they are fine. */
export function insecureHint(
  request: FastifyRequest,
  { httpsPort }: ConsoleContext,
): Html | undefined {
  if (request.protocol === 'https' || isLoopback(request.ip)) return undefined
  const host = isIP(request.hostname) === 6 ? `[${request.hostname}]` : request.hostname
  return encryptionHint(`https://${host}:${httpsPort()}${request.url}`)
}
