//! What a node is in its cluster, in words.

import type * as api from '../console/api/shapes.ts'
import { grouped } from './table.ts'

type Member = Pick<api.ClusterView['members'][0], 'id' | 'kind' | 'unfit' | 'clockAhead'>

export function memberText(member: Member, leader: string | undefined): string {
  const { id, kind, unfit, clockAhead } = member
  const parts = [id === leader ? 'leader' : kind, unfit, clockText(clockAhead)]
  return parts.filter((part) => part !== undefined).join(', ')
}

function clockText(aheadMs: number | undefined): string | undefined {
  if (aheadMs === undefined) return undefined
  const seconds = Math.abs(aheadMs) / 1_000
  const days = seconds / 86_400
  const span = days < 2 ? `${grouped(Math.round(seconds))} s` : `${grouped(Math.round(days))} days`
  return `its clock is ${span} ${aheadMs > 0 ? 'ahead' : 'behind'} (timedatectl)`
}
