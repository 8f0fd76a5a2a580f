/** The fast timings of the design: heartbeats 50 ms, lease 200 ms, elections 450 to 750 ms. */
export const TICK_MS = 10
export const TIMING = { heartbeatTicks: 5, electionMinTicks: 45, electionMaxTicks: 75 }
