//! The settings that should be the same on all nodes of a cluster: whichever serves, phones and
//! people find the same.

import type { SharedSettings } from '../cluster/peer-settings.ts'
import type { Config } from '../config/config.ts'

export function sharedSettings(config: Config): SharedSettings {
  const { rtpPorts, expires, callsPer, litestream, tls } = config
  return {
    'sip-port': String(config.sipPort),
    'sip-tls-port': String(config.sipTlsPort),
    'http-port': String(config.httpPort),
    'https-port': String(config.httpsPort),
    'rtp-ports': `${rtpPorts.first}-${rtpPorts.last}`,
    domain: config.domain ?? UNSET,
    'public-address': config.publicAddress ?? UNSET,
    'media-anchor': String(config.mediaAnchor),
    'min-expires': String(expires.min),
    'max-expires': String(expires.max),
    'calls-per-extension': String(callsPer.extension),
    'calls-per-tenant': String(callsPer.tenant),
    // Files may have other names on another host.
    'tls-certificate': tls.certificate === undefined ? UNSET : 'given',
    // Who may write there is nothing to be shown.
    'litestream-url': litestream.url?.replace(/\/\/[^/@]*@/, '//') ?? UNSET,
  }
}

const UNSET = 'not given'
