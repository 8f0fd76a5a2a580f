//! The frame of every page, and the policy under which browsers show it.

import { hash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { html, Html } from './html.ts'
import { STYLE } from './style.ts'

const STYLE_HASH = hash('sha256', STYLE, 'base64')
/** To the letter what was hashed: browsers allow nothing else. */
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`)

/** Nothing but our one style sheet; forms go home; nobody frames us. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${STYLE_HASH}'`,
  'img-src data:',
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

export function sendPage(
  reply: FastifyReply,
  title: string,
  body: Html,
  status = 200,
): FastifyReply {
  void reply.code(status).type('text/html; charset=utf-8')
  void reply.header('content-security-policy', POLICY)
  return reply.send(page(title, body).text)
}

function page(title: string, body: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        ${STYLE_ELEMENT}
      </head>
      <body>
        ${body}
      </body>
    </html> `
}
