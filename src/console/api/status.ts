//! How the system is: the whole picture for administrators, the health for whoever watches.

import { allTenants } from '../../store/schema/tenant.ts'
import { countExtensions } from '../../store/schema/extension.ts'
import type { ConsoleContext } from '../context.ts'
import { clusterPart } from './cluster.ts'
import * as shapes from './shapes.ts'
import type { Api } from './typed.ts'

export function statusRoute(api: Api, context: ConsoleContext): void {
  api.get('/status', { schema: { response: { 200: shapes.StatusShape } } }, () => statusOf(context))
}

export async function statusOf(context: ConsoleContext): Promise<shapes.Status> {
  const { store, view } = context
  const tenants = store.read(allTenants)
  return {
    name: context.name,
    version: context.version,
    node: process.versions.node,
    roles: [...view.roles],
    startedAt: new Date(view.started).toISOString(),
    health: await healthOf(context),
    endpoints: view.endpoints().map((each) => ({ ...each })),
    domains: tenants.slice(0, 100).map(({ primaryDomain }) => primaryDomain),
    extensions: store.read(countExtensions),
    registrations: view.registrationCount,
    calls: view.calls().length,
    residentBytes: process.memoryUsage.rss(),
    ...clusterPart(context.cluster),
  }
}

export async function healthOf({ view }: ConsoleContext): Promise<shapes.Health> {
  const checks = await view.health()
  return { healthy: checks.every(({ ok }) => ok), checks: checks.map((each) => ({ ...each })) }
}
