//! Commands about servers on hosts of their own.

import { unreachable } from '../base/assert.ts'
import type * as api from '../console/api/shapes.ts'
import type { Client } from './client.ts'
import type { Invocation } from './invocation.ts'
import { type Column, grouped, table } from './table.ts'

type Asked = Extract<Invocation, { kind: 'command' }>
export type ServerAsked = Extract<Asked, { readonly command: `server ${string}` }>

/** Shows an answer, as JSON or as the text made of it; the exit code. */
export type Show = <T>(value: T, text: (value: T) => string) => number

export async function runServerCommand(
  asked: ServerAsked,
  client: Client,
  show: Show,
): Promise<number> {
  switch (asked.command) {
    case 'server add': {
      const { name, role, address } = asked
      const body = { name, role, address }
      return show(await client.call<api.ServerInvitation>('POST', '/servers', body), invited)
    }
    case 'server token':
      return show(
        await client.call<api.ServerInvitation>('POST', `${pathOf(asked.name)}/token`),
        invited,
      )
    case 'server remove':
      await client.call('DELETE', pathOf(asked.name))
      return show({ removed: asked.name }, ({ removed }) => `removed ${removed}\n`)
    case 'server list':
      return show(await client.call<api.ServerList>('GET', '/servers'), ({ items }) =>
        items.length === 0
          ? 'there are no servers; register one with: pbx server add\n'
          : table(items, SERVERS),
      )
    default:
      return unreachable(asked)
  }
}

const SERVERS: readonly Column<api.ServerView>[] = [
  { head: 'SERVER', cell: ({ name }) => name },
  { head: 'ROLE', cell: ({ role }) => role },
  { head: 'ADDRESS', cell: ({ address }) => address },
  { head: 'STATE', cell: ({ state }) => state },
  { head: 'SESSIONS', cell: ({ sessions }) => grouped(sessions ?? 0), right: true },
]

function pathOf(name: string): string {
  return `/servers/${encodeURIComponent(name)}`
}

function invited({ name, command }: api.ServerInvitation): string {
  return `run this on the host of ${name}, within a day:\n  ${command}\n`
}
