//! Which schema is in force, and for whom a newer one waits.

import type * as api from '../console/api/shapes.ts'

type Shown = Pick<api.Status, 'schema'> & {
  readonly cluster?: Pick<api.ClusterView, 'upgrade'>
}

export function schemaText({ schema, cluster }: Shown): string {
  const upgrade = cluster?.upgrade
  if (upgrade === undefined) return String(schema)
  const { to, waitsFor } = upgrade
  if (waitsFor.length === 0) return `${schema}; ${to} comes next`
  const whom = waitsFor.map(({ node, knows }) => {
    return `${node} (${knows === undefined ? 'not connected' : `knows ${knows}: update pbx there`})`
  })
  return `${schema}; ${to} waits for ${whom.join(', ')}`
}
