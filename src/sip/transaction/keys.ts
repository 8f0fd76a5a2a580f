//! Names of transactions.

import type { Brand } from '../../base/brand.ts'

/** Branch and method: how a response finds its request (RFC 3261 §17.1.3). */
export type ClientKey = Brand<string, 'ClientKey'>

/** Branch, sent-by and method: how a request finds its transaction (RFC 3261 §17.2.3). */
export type ServerKey = Brand<string, 'ServerKey'>
