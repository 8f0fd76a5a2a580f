//! How a server of one role is, as its own host tells it.

import type * as api from '../console/api/shapes.ts'
import { clock, type Column, grouped, table } from './table.ts'

export function serverStatusText(status: api.ServerStatus): string {
  const { name, version, startedAt, roles, health, server, residentBytes } = status
  const up = clock((Date.now() - Date.parse(startedAt)) / 1000)
  const facts: readonly (readonly [string, string])[] = [
    ['health', healthText(health)],
    ['server', `${name}, version ${version}, up ${up}`],
    ['roles', roles.join(', ')],
    ['led by', server.leader ?? 'nobody yet'],
    ['sessions', server.sessions === undefined ? 'not known' : grouped(server.sessions)],
    ['memory', `${grouped(residentBytes / 1024 / 1024)} MiB`],
  ]
  const text = facts.map(([fact, value]) => `${fact.padEnd(12)}${value}\n`).join('')
  return `${text}\n${table(server.callManagers, CALL_MANAGERS)}`
}

/** What fails, with the reason. */
export function healthText({ healthy, checks }: api.Health): string {
  const failing = checks.filter(({ ok }) => !ok)
  return healthy ? 'ok' : failing.map(({ name, detail }) => `${name}: ${detail}`).join('; ')
}

const CALL_MANAGERS: readonly Column<api.ServerStatus['server']['callManagers'][number]>[] = [
  { head: 'call manager', cell: ({ id }) => id },
  { head: 'at', cell: ({ at }) => at },
  { head: 'connected', cell: ({ isConnected }) => (isConnected ? 'yes' : 'no') },
]
