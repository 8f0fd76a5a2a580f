import type { Brand } from '../base/brand.ts'

/** One call, from the first INVITE to its CDR. Ours; the SIP header is `SipCallId`. */
export type CallId = Brand<string, 'CallId'>
/** One server of the cluster, by its configured name. */
export type NodeId = Brand<string, 'NodeId'>
/** A tenant: an organisation with one or more SIP domains. */
export type TenantId = Brand<string, 'TenantId'>
