//! Where V8 puts what was just made. It lets this grow for as long as much of it survives, as under
//! load everything does for a moment, to 58 MiB, and never takes it back while there is traffic.
//! Half of that serves as well. What is set here counts for worker threads, too.

import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/** Both halves, in bytes; it may still double once. */
const ENOUGH = 16 << 20
const LOOK_EVERY_MS = 250

/** Lets it grow to a useful size, and no further. */
export function boundYoungGeneration(): void {
  const timer = setInterval(() => {
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
    if (young !== undefined && young.space_size < ENOUGH) return
    // The size itself can be set on the command line only.
    setFlagsFromString('--semi-space-growth-factor=1')
    clearInterval(timer)
  }, LOOK_EVERY_MS)
  timer.unref()
}
